import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { ProcessLine, ProcessTask } from './shop-process.ts';

/** A process of its own that runs parts of the shop. */
export type Launched = {
  readonly pid: number;
  readonly apiUrl: string | null;
  /** What its clock said when it was ready, against ours. */
  readonly clockAheadMs: number;
  /** What its worker has handled so far. */
  readonly handled: readonly Extract<ProcessLine, { kind: 'handled' }>[];
  /** SIGSTOP; resolves when the system says that it is stopped. */
  pause(): Promise<void>;
  resume(): void;
  stop(): Promise<void>;
};

const entry = fileURLToPath(new URL('shop-process.ts', import.meta.url));
const skewedClock = fileURLToPath(new URL('skewed-clock.ts', import.meta.url));
const readyWithinMs = 60_000;
const stopWithinMs = 10_000;

export async function launch(task: ProcessTask, clock: { readonly skewMs: number }): Promise<Launched> {
  const child = spawn(process.execPath, ['--import', 'tsx', '--import', skewedClock, entry, JSON.stringify(task)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, CLOCK_SKEW_MS: String(clock.skewMs) },
  });
  const pid = child.pid ?? 0;
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const handled: Extract<ProcessLine, { kind: 'handled' }>[] = [];
  const ready = await new Promise<Extract<ProcessLine, { kind: 'ready' }>>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('a process of the race was not ready in time')), readyWithinMs);
    void ended.then(() => reject(new Error('a process of the race ended before it was ready')));
    createInterface({ input: child.stdout }).on('line', (text) => {
      const line = JSON.parse(text) as ProcessLine;
      if (line.kind === 'handled') return void handled.push(line);
      clearTimeout(late);
      resolve(line);
    });
  }).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  return {
    pid,
    apiUrl: ready.apiUrl,
    clockAheadMs: ready.nowMs - Date.now(),
    handled,
    async pause() {
      child.kill('SIGSTOP');
      while ((await stateOf(pid)) !== 'T') await new Promise((resolve) => setTimeout(resolve, 1));
    },
    resume: () => void child.kill('SIGCONT'),
    async stop() {
      child.kill('SIGCONT');
      child.stdin.end();
      const late = setTimeout(() => child.kill('SIGKILL'), stopWithinMs);
      await ended;
      clearTimeout(late);
    },
  };
}

/** R, S, T and so on; Z of a process that has ended. */
async function stateOf(pid: number): Promise<string> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8');
  return status.slice(status.lastIndexOf(')') + 2).charAt(0);
}
