import { chmod, mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { isAlive } from '../../src/shared/postgres/embedded-cluster.ts';

const folderPrefix = 'onetill-prove-';
/** Set in the environment of everything that a run starts, with the name of the run's folder. */
export const markVariable = 'ONETILL_PROVE_RUN';

/**
 * A folder for all that a run writes. Whatever works in it, or carries its name as a mark, belongs to the run: that is
 * how processes are found that have left their parents, such as a database server.
 */
export async function openRunFolder(): Promise<string> {
  await sweepFormerRuns();
  const folder = await mkdtemp(join(tmpdir(), `${folderPrefix}${process.pid}-`));
  // The database server may run as another user, who must get through to its own folder.
  await chmod(folder, 0o755);
  return folder;
}

/** Ends what belongs to the folder and removes it. */
export async function closeRunFolder(folder: string): Promise<void> {
  await endAll(folder, 0);
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}

/** Waits a moment for what belongs to the folder to end by itself, and ends the rest. Gives what had to be ended. */
export async function endAll(folder: string, patienceMs: number): Promise<string[]> {
  const patientUntil = Date.now() + patienceMs;
  let left = await processesOf(folder);
  while (left.length > 0 && Date.now() < patientUntil) {
    await pause();
    left = await processesOf(folder);
  }
  // What a process has started itself goes with it, and need not be told.
  const heads = left.filter(({ parent }) => !left.some(({ pid }) => pid === parent));
  const named = heads.map(({ pid, command }) => `${command} (pid ${pid})`);
  // Postgres stops fast and in order at SIGINT, and whatever it leaves in shared memory goes with it.
  for (const signal of ['SIGINT', 'SIGKILL'] as const) {
    for (const { pid } of left) send(pid, signal);
    const until = Date.now() + endWaitMs;
    do {
      left = await processesOf(folder);
      if (left.length > 0) await pause();
    } while (left.length > 0 && Date.now() < until);
  }
  return named;
}

const endWaitMs = 5_000;
const pollMs = 50;

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, pollMs));
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended by itself, which is what the signal was for.
  }
}

type Found = { readonly pid: number; readonly parent: number; readonly command: string };

/** Processes of the run, by its mark in their environment or by where they work. On Linux only. */
async function processesOf(folder: string): Promise<Found[]> {
  const names = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found = await Promise.all(names.map((name) => belongs(name, folder)));
  return found.flatMap((each) => (each === null ? [] : [each]));
}

async function belongs(name: string, folder: string): Promise<Found | null> {
  const pid = Number(name);
  if (pid === process.pid) return null;
  const place = await readlink(`/proc/${name}/cwd`).catch(() => '');
  const environment = await readFile(`/proc/${name}/environ`, 'utf8').catch(() => '');
  const isMarked = environment.split('\0').includes(`${markVariable}=${basename(folder)}`);
  if (!isMarked && place !== folder && !place.startsWith(`${folder}/`)) return null;
  const status = await readFile(`/proc/${name}/status`, 'utf8').catch(() => '');
  // A process that has ended, and waits for its parent to look, is none.
  if (!/^State:\s*[^ZX]/m.test(status)) return null;
  const command = (await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ').trim();
  const parent = Number(/^PPid:\s*(\d+)/m.exec(status)?.[1] ?? 0);
  return { pid, parent, command: command.slice(0, 200) };
}

/** Runs that were killed have left their folders, and perhaps a database that works in them. */
async function sweepFormerRuns(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = new RegExp(`^${folderPrefix}(\\d+)-`).exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) await closeRunFolder(join(tmpdir(), name));
  }
}
