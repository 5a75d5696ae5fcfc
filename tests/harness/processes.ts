import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { markVariable } from '../prove/leftovers.ts';
import { type Answered, lastWordsDescriptor, type Part, type ProcessKind } from './processes-asks.ts';
import { type Bundle, bundle } from './processes-bundle.ts';

export type Death = {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The lines that it wrote to its last-words descriptor. */
  readonly lastWords: readonly string[];
};

/** A process kind of ours, or the simulator, running as a child of this process. */
export type Running = {
  readonly kind: ProcessKind;
  readonly pid: number;
  /** Asks the child, by the name of an answer of its entry. Rejects when it dies before it answers. */
  ask<Answer>(name: string, what?: unknown): Promise<Answer>;
  readonly died: Promise<Death>;
  kill(): void;
  /** The end of what it wrote to its standard output and error. */
  log(): string;
};

export type Processes = {
  /** A process that is ready to work. It was started before, so that only its connections take time. */
  start(part: Part): Promise<Running>;
  /** How many processes were started in all. */
  started(): number;
  stop(): Promise<void>;
};

const readyWithinMs = 60_000;
const logBytesMax = 32_768;

/**
 * Runs the real processes as children of this one, each ready to be killed at any time. `spares` processes wait with
 * everything loaded, so that a killed one is replaced at once, as by an orchestrator with machines to spare.
 */
export async function openProcesses(options: { readonly entry: string; readonly spares: number }): Promise<Processes> {
  const made = await bundle(options.entry);
  const all = new Set<Child>();
  const spares: Child[] = [];
  let count = 0;
  let isStopped = false;
  function fill(): void {
    while (!isStopped && spares.length < options.spares) spares.push(begin());
  }
  function begin(): Child {
    count += 1;
    const child = spawnChild(made);
    all.add(child);
    void child.died.then(() => all.delete(child));
    return child;
  }
  fill();
  return {
    async start(part) {
      if (isStopped) throw new Error('no process is started after the stop');
      const child = spares.shift() ?? begin();
      fill();
      await child.ask('run', part);
      await child.ready();
      return { ...child, kind: part.kind };
    },
    started: () => count,
    async stop() {
      isStopped = true;
      for (const child of all) child.kill();
      await Promise.all([...all].map((child) => child.died));
      await made.remove();
    },
  };
}

type Child = Omit<Running, 'kind'> & { ready(): Promise<void> };

function spawnChild({ command }: Bundle): Child {
  const child = spawn(process.execPath, [...command], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
    env: inherited(),
  });
  const log = tailOf([child.stdout, child.stderr]);
  const lastWords = tailOf([child.stdio[lastWordsDescriptor] as Readable]);
  const died = new Promise<Death>((resolve) => {
    // 'close' and not 'exit': only then all that it wrote has been read.
    child.once('close', (code, signal) =>
      resolve({
        code,
        signal,
        lastWords: lastWords
          .text()
          .split('\n')
          .filter((line) => line !== ''),
      }),
    );
  });
  return {
    pid: child.pid ?? 0,
    died,
    ask: asker(child, died),
    kill: () => void child.kill('SIGKILL'),
    log: log.text,
    ready: () => log.holds('"msg":"ready"', died),
  };
}

/** What a child has of our environment: how it is found and asked by who looks for it, and no setting of anything. */
function inherited(): NodeJS.ProcessEnv {
  const names = ['PATH', 'TMPDIR', 'NODE_OPTIONS', markVariable];
  return Object.fromEntries(names.flatMap((name) => (name in process.env ? [[name, process.env[name]]] : [])));
}

function asker(child: ChildProcess, died: Promise<Death>): Running['ask'] {
  const waiting = new Map<number, { resolve: (value: never) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  child.on('message', ({ id, value, error }: Answered) => {
    const asked = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) asked?.resolve(value as never);
    else asked?.reject(new Error(error));
  });
  void died.then(({ code, signal }) => {
    for (const { reject } of waiting.values()) reject(new Error(`the process died (${signal ?? code})`));
    waiting.clear();
  });
  return (name, what) =>
    new Promise((resolve, reject) => {
      lastId += 1;
      waiting.set(lastId, { resolve, reject });
      child.send({ id: lastId, name, what: what ?? null }, (error) => {
        if (error !== null) reject(error);
      });
    });
}

/** Keeps the end of what comes, and tells when it holds something. */
function tailOf(streams: readonly (Readable | null)[]) {
  let kept = '';
  const listeners = new Set<() => void>();
  for (const stream of streams) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      kept = (kept + chunk).slice(-logBytesMax);
      for (const listener of listeners) listener();
    });
  }
  return {
    text: () => kept,
    holds: (words: string, died: Promise<Death>) =>
      new Promise<void>((resolve, reject) => {
        const fail = (why: string) => () => end(() => reject(new Error(`${why}:\n${kept}`)));
        const late = setTimeout(fail(`a process was not ready within ${readyWithinMs} ms`), readyWithinMs);
        void died.then(fail('a process died before it was ready'));
        function end(settle: () => void): void {
          clearTimeout(late);
          listeners.delete(look);
          settle();
        }
        function look(): void {
          if (kept.includes(words)) end(resolve);
        }
        listeners.add(look);
        look();
      }),
  };
}
