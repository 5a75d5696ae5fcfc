import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';

/** A process of a release: that of a tree, which may be an older one. */
export type ReleaseProcess = {
  readonly pid: number;
  /** Resolves when it says that it is ready; fails with its words when it ends before. */
  readonly ready: Promise<void>;
  /** The exit code. */
  readonly ended: Promise<number | null>;
  stop(): Promise<number | null>;
};

export type Kind = 'api' | 'worker' | 'sweeper' | 'migrate';

const stopMsMax = 40_000;
const readyMsMax = 60_000;
/** As bin/onetill.mjs does it, without its look at the packages, which are those of today. */
const command = `
  const { run } = await import(process.cwd() + '/src/main/cli.ts');
  process.exitCode = await run(process.argv.slice(1));
  setTimeout(() => process.exit(), 1000).unref();`;

export function startRelease(tree: string, kind: Kind, environment: Readonly<Record<string, string>>): ReleaseProcess {
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', command, kind], {
    cwd: tree,
    env: { ...process.env, NODE_ENV: 'production', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return {
    pid: child.pid ?? 0,
    ready: until(child, '"msg":"ready"', kind),
    ended,
    async stop() {
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), stopMsMax);
      const code = await ended;
      clearTimeout(late);
      return code;
    },
  };
}

function until(child: ChildProcess, text: string, kind: Kind): Promise<void> {
  const ready = new Promise<void>((resolve, reject) => {
    let said = '';
    const hear = (chunk: Buffer): void => {
      said = `${said}${chunk}`.slice(-4_000);
      if (said.includes(text)) resolve();
    };
    child.stdout?.on('data', hear);
    child.stderr?.on('data', hear);
    child.once('close', (code) => reject(new Error(`${kind} ended with ${code} before it was ready: ${said}`)));
    setTimeout(() => reject(new Error(`${kind} was not ready in time: ${said}`)), readyMsMax).unref();
  });
  // A migration ends without ever being ready; who waits for it looks at how it ends.
  ready.catch(() => {});
  return ready;
}

export async function freePort(): Promise<number> {
  const probe = createServer();
  const port = await new Promise<number>((resolve) => {
    probe.listen(0, '127.0.0.1', () => resolve((probe.address() as { port: number }).port));
  });
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
