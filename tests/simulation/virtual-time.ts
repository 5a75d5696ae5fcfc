import { Bug } from '../../src/shared/assert.ts';
import type { Chance } from './chance.ts';
import { isEarlier, pop, push, Timer } from './timers.ts';

/**
 * Time that passes only when nothing else is left to do. Timers fire in the order of their time, and those of the same
 * millisecond in an order of the seed, because on real machines that order is anybody's guess.
 *
 * While it is in force it takes the place of the global timers, of Date.now and of Math.random: src/shared/clock.ts,
 * which is the only way to them, then runs on it unchanged.
 */
export type VirtualTime = {
  nowMs(): number;
  /** Waiting that something depends on: what is on its way, what is planned, who thinks. */
  wait(durationMs: number, signal?: AbortSignal): Promise<void>;
  after(delayMs: number, callBack: () => void): () => void;
  /**
   * Lets time pass until it is so late, or until it is done. True if it is done. Where `quietUntilMs` says that until
   * then nobody who looks would find anything, the looking (timers of the project's own loops) is put off until then or
   * until something that is waited for, whatever is sooner.
   */
  passUntil(atMs: number, isDone?: () => boolean, quietUntilMs?: () => number): Promise<boolean>;
  /** Does the work; the intervals that it begins end by themselves once that is over. */
  bound<T>(isOver: () => boolean, work: () => T): T;
  /** Takes the place of the real time in this thread. Gives back how to end that. */
  takeOver(): () => void;
};

/** The day on which every world begins. */
export const worldBeginsMs = Date.UTC(2026, 10, 2, 9);

type State = {
  readonly chance: Chance;
  readonly queue: Timer[];
  nowMs: number;
  /** When the intervals that are begun now are over. */
  bond: (() => boolean) | null;
};

export function createVirtualTime(chance: Chance): VirtualTime {
  const state: State = { chance, queue: [], nowMs: worldBeginsMs, bond: null };
  return {
    nowMs: () => state.nowMs,
    wait(durationMs, signal) {
      return new Promise((resolve) => {
        if (signal?.aborted === true) return resolve();
        const timer = schedule(state, resolve, durationMs, waited);
        signal?.addEventListener('abort', () => end(timer, resolve), { once: true });
      });
    },
    after(delayMs, callBack) {
      const timer = schedule(state, callBack, delayMs, waited);
      return () => end(timer);
    },
    passUntil: (atMs, isDone, quietUntilMs) => passUntil(state, atMs, isDone, quietUntilMs),
    bound(isOver, work) {
      state.bond = isOver;
      try {
        return work();
      } finally {
        state.bond = null;
      }
    },
    takeOver: () => takeOver(state),
  };
}

const waited = { isLook: false, everyMs: null, isOver: null };
const looked = { ...waited, isLook: true };

function schedule(state: State, callBack: () => void, delayMs: number, kind: Timer['kind']): Timer {
  const atMs = state.nowMs + Math.max(0, Math.ceil(delayMs));
  const timer = new Timer(atMs, state.chance.share(), callBack, kind);
  push(state.queue, timer);
  return timer;
}

function end(timer: Timer, callBack?: () => void): void {
  timer.callBack = null;
  callBack?.();
}

const realImmediate = setImmediate;

/** Whether it is done is asked no more often than that: it costs more than an event. */
const eventsPerLook = 16;

function passUntil(
  state: State,
  atMs: number,
  isDone: (() => boolean) | undefined,
  quietUntilMs: (() => number) | undefined,
): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let events = 0;
    // Promises are settled before each turn: whatever can go on without time passing has then gone on.
    function turn(): void {
      try {
        if (events % eventsPerLook === 0) {
          if (isDone?.() === true) return resolve(true);
          if (quietUntilMs !== undefined) putOffLooks(state, quietUntilMs());
        }
        events += 1;
        if (fireNext(state, atMs)) realImmediate(turn);
        else {
          state.nowMs = Math.max(state.nowMs, atMs);
          resolve(false);
        }
      } catch (error) {
        reject(error);
      }
    }
    realImmediate(turn);
  });
}

/** Shorter than this nothing is saved. */
const worthPuttingOffMs = 1_500;

function putOffLooks({ queue, nowMs, chance }: State, quietUntilMs: number): void {
  let untilMs = quietUntilMs;
  for (const timer of queue) {
    if (!timer.kind.isLook && timer.callBack !== null && timer.atMs < untilMs) untilMs = timer.atMs;
  }
  if (untilMs - nowMs < worthPuttingOffMs || untilMs === Number.POSITIVE_INFINITY) return;
  for (const timer of queue) {
    if (timer.kind.isLook && timer.atMs < untilMs) timer.atMs = untilMs + chance.between(0, 999);
  }
  // What is sorted is a heap.
  queue.sort((left, right) => (isEarlier(left, right) ? -1 : 1));
}

/** False if nothing is to be fired before then. */
function fireNext(state: State, untilMs: number): boolean {
  for (;;) {
    const next = state.queue[0];
    if (next === undefined || next.atMs > untilMs) return false;
    pop(state.queue);
    if (next.callBack === null || next.kind.isOver?.() === true) continue;
    state.nowMs = next.atMs;
    fire(state, next, next.callBack);
    return true;
  }
}

function fire(state: State, timer: Timer, callBack: () => void): void {
  const { everyMs } = timer.kind;
  if (everyMs === null) timer.callBack = null;
  else {
    timer.atMs = state.nowMs + everyMs;
    timer.tie = state.chance.share();
    push(state.queue, timer);
  }
  callBack();
}

function takeOver(state: State): () => void {
  const real = { setTimeout, setInterval, clearTimeout, clearInterval, setImmediate };
  const [realNow, realRandom, stackTraceLimit] = [Date.now, Math.random, Error.stackTraceLimit];
  // A stack is captured for each signal that is aborted, and nobody looks at it: a fifteenth of a world's time.
  Error.stackTraceLimit = 0;
  const clear = (timer: unknown): void => {
    if (timer instanceof Timer) end(timer);
  };
  Object.assign(globalThis, {
    setTimeout: (callBack: () => void, delayMs = 0) => schedule(state, callBack, delayMs, looked),
    setInterval(callBack: () => void, intervalMs = 1) {
      const everyMs = Math.max(1, Math.ceil(intervalMs));
      return schedule(state, callBack, everyMs, { isLook: true, everyMs, isOver: state.bond });
    },
    clearTimeout: clear,
    clearInterval: clear,
    setImmediate: (callBack: () => void) => schedule(state, callBack, 0, waited),
  });
  Date.now = () => state.nowMs;
  Math.random = () => {
    throw new Bug('in a simulated world all chance is of its seed');
  };
  return () => {
    Object.assign(globalThis, real);
    Date.now = realNow;
    Math.random = realRandom;
    Error.stackTraceLimit = stackTraceLimit;
  };
}
