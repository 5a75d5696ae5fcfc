import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { reportOptions } from '../judges/process-state.ts';
import { endAll, markVariable } from './leftovers.ts';
import type { FromPart, PartTask } from './part-process.ts';
import type { PartEnd, PartRun } from './report.ts';

export type WatchOptions = {
  readonly task: PartTask;
  /** The folder of the run. */
  readonly folder: string;
  /** A part that says nothing for longer hangs, and is stopped. */
  readonly silenceMsMax: number;
  /** The part is stopped when this is over, whatever it says. */
  readonly endsByMs: number;
  readonly onLine: (line: string) => void;
  /** Stops the part. */
  readonly signal: AbortSignal;
};

/** Runs one part in a process of its own, and ends all that it has started, whatever way it ends. */
export async function runPart(options: WatchOptions): Promise<PartRun> {
  const { task, folder } = options;
  const startedAtMs = Date.now();
  const own = join(folder, task.name);
  await mkdir(own, { recursive: true });
  await chmod(own, 0o755);
  const child = startProcess(task, own, basename(folder));
  const { end, tries } = await watch(child, options);
  if (end.kind === 'failed') stopGroup(child);
  const leftBehind = await endAll(folder, end.kind === 'report' ? leaveMs : 0);
  stopGroup(child);
  return {
    name: task.name,
    tries,
    seconds: Math.round((Date.now() - startedAtMs) / 1_000),
    end,
    // What a part that was stopped had running is no fault of it.
    leftBehind: end.kind === 'report' ? leftBehind : [],
  };
}

/** What ends with its parent may take a moment for it. */
const leaveMs = 3_000;
const partProcess = fileURLToPath(new URL('part-process.ts', import.meta.url));
const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

function startProcess(task: PartTask, own: string, mark: string): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', partProcess, JSON.stringify(task)], {
    cwd: projectRoot,
    // A group of its own, so that the part and its children are ended together; Ctrl-C comes from the runner.
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    env: {
      ...process.env,
      TMPDIR: own,
      [markVariable]: mark,
      // Dumps outlive the run.
      ONETILL_STUCK_DIR: tmpdir(),
      NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} ${reportOptions(own)}`.trim(),
    },
  });
}

function watch(child: ChildProcess, options: WatchOptions): Promise<{ end: PartEnd; tries: string }> {
  return new Promise((resolve) => {
    let tries = '';
    let heardAtMs = Date.now();
    const clock = setInterval(() => {
      const nowMs = Date.now();
      if (nowMs > options.endsByMs) finish({ kind: 'failed', why: 'stopped: the time of the run is over' });
      else if (nowMs - heardAtMs > options.silenceMsMax) {
        const seconds = Math.round(options.silenceMsMax / 1_000);
        finish({ kind: 'failed', why: `stopped: it has said nothing for ${seconds} s` });
      }
    }, 100);
    const onAbort = (): void => finish({ kind: 'failed', why: 'stopped by a signal' });
    function finish(end: PartEnd): void {
      clearInterval(clock);
      options.signal.removeEventListener('abort', onAbort);
      resolve({ end, tries });
    }
    options.signal.addEventListener('abort', onAbort);
    if (options.signal.aborted) onAbort();
    child.on('message', (words: FromPart) => {
      heardAtMs = Date.now();
      if (words.kind === 'progress') options.onLine(words.line);
      else if (words.kind === 'tries') tries = words.tries;
      else finish(words);
    });
    child.on('error', (error) => finish({ kind: 'failed', why: `could not be started: ${error.message}` }));
    child.on('exit', (code, signal) => {
      finish({ kind: 'failed', why: `its process ended with ${signal ?? code} and without a report` });
    });
  });
}

function stopGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // Nothing of the group is left.
  }
}
