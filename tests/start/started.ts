import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { databaseUrlOf, readRuntime } from '../../src/main/runtime.ts';
import { connect, type Database } from '../../src/shared/postgres/client.ts';
import { isAlive } from '../../src/shared/postgres/embedded-cluster.ts';

export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

/** A start command that was really run, as a process of its own. */
export type Started = {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Everything it has printed so far. */
  readonly output: () => string;
  /** Waits until the text is printed; fails when the process ends or the time is up before. */
  until(text: string): Promise<void>;
  /** The exit code, when it has ended. */
  readonly ended: Promise<number | null>;
};

const processes: Started[] = [];
const folders: string[] = [];

export async function freshFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'onetill-start-'));
  folders.push(folder);
  return join(folder, 'data');
}

let seed: string | undefined;

/** The data of a system that was started once and stopped: a copy costs a tenth of a first start. */
export async function seededFolder(): Promise<string> {
  if (seed === undefined) {
    seed = join(await mkdtemp(join(tmpdir(), 'onetill-start-seed-')), 'data');
    const first = await startReady(seed);
    first.child.kill('SIGTERM');
    await first.ended;
  }
  const dataDir = await freshFolder();
  await promisify(execFile)('cp', ['-a', seed, dataDir]);
  return dataDir;
}

export async function removeSeed(): Promise<void> {
  if (seed !== undefined) await rm(dirname(seed), { recursive: true, force: true });
  seed = undefined;
}

/** Runs the start command on the folder, on any free ports unless options say otherwise. */
export function start(
  dataDir: string,
  options: { args?: string[]; environment?: Record<string, string>; command?: string[] } = {},
): Started {
  const before = options.command ?? [process.execPath, 'bin/start.mjs'];
  const ports = options.args ?? ['--port', '0', '--provider-port', '0'];
  return launch([...before, '--data', dataDir, ...ports], options.environment);
}

/** Runs `onetill …`, with nothing in its environment but what is given. */
export function onetillProcess(args: readonly string[], environment: Record<string, string> = {}): Started {
  return launch([process.execPath, 'bin/onetill.mjs', ...args], environment);
}

/** Runs the command in the root of the project; a shell's line as `['sh', '-c', line]`. */
export function launch([file = '', ...args]: readonly string[], given: Record<string, string> = {}): Started {
  const { npm_lifecycle_event: _, DATABASE_URL: __, PORT: ___, ...environment } = process.env;
  const child = spawn(file, args, {
    cwd: projectRoot,
    env: { ...environment, ...given },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout?.on('data', (chunk) => (output += chunk));
  child.stderr?.on('data', (chunk) => (output += chunk));
  let isEnded = false;
  const ended = new Promise<number | null>((resolve) => {
    child.on('close', (code) => {
      isEnded = true;
      resolve(code);
    });
  });
  const started: Started = {
    child,
    pid: child.pid ?? 0,
    output: () => output,
    until: (text) =>
      waitFor(() => {
        if (output.includes(text)) return true;
        if (isEnded) throw new Error(`it ended before it said "${text}":\n${output}`);
        return false;
      }, `it did not say "${text}" in time`),
    ended,
  };
  processes.push(started);
  return started;
}

/** Starts and waits until everything is ready. */
export async function startReady(dataDir: string): Promise<Started> {
  const started = start(dataDir);
  await started.until('Ctrl-C stops everything');
  return started;
}

/** A connection to the database of what runs on the folder, found the way the other commands find it. */
export async function databaseOn(dataDir: string): Promise<Database> {
  const runtime = await readRuntime(dataDir);
  const url = runtime === null ? null : await databaseUrlOf(runtime);
  if (url === null) throw new Error('nothing runs there');
  return connect({ url, applicationName: 'tests', connectionsMax: 1 });
}

/** Of the PostgreSQL on the folder, whether it lives or not; 0 if there is none. */
export async function postmasterPid(dataDir: string): Promise<number> {
  const text = await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').catch(() => '0');
  return Number(text.split('\n')[0]);
}

export async function waitFor(condition: () => boolean | Promise<boolean>, orElse: string): Promise<void> {
  // Generous, because other suites may be using the same cores.
  const waitMsMax = 40_000;
  const pollMs = 25;
  for (let waitedMs = 0; waitedMs < waitMsMax; waitedMs += pollMs) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
  throw new Error(orElse);
}

/** Ends whatever a test has left, also one that failed half-way. */
export async function clearUp(): Promise<void> {
  for (const { child } of processes.splice(0)) child.kill('SIGKILL');
  for (const folder of folders.splice(0)) {
    const pid = await postmasterPid(join(folder, 'data'));
    if (pid > 0 && isAlive(pid)) process.kill(pid, 'SIGQUIT');
    await waitFor(() => pid === 0 || !isAlive(pid), 'a PostgreSQL of a test does not end').catch(() => {});
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}
