import { Bug } from '../../src/shared/assert.ts';
import type { Chance } from './chance.ts';

/**
 * Time that passes only when nothing else is left to do. Timers fire in the order of their time, and those of the same
 * millisecond in an order of the seed, because on real machines that order is anybody's guess.
 *
 * While it is in force it takes the place of the global timers, of Date.now and of Math.random: src/shared/clock.ts,
 * which is the only way to them, then runs on it unchanged.
 */
export type VirtualTime = {
  nowMs(): number;
  wait(durationMs: number): Promise<void>;
  /** Lets time pass until it is so late, or until it is done. True if it is done. */
  passUntil(atMs: number, isDone?: () => boolean): Promise<boolean>;
  /** Does the work; the intervals that it begins end by themselves once that is over. */
  bound<T>(isOver: () => boolean, work: () => T): T;
  /** Takes the place of the real time in this thread. Gives back how to end that. */
  takeOver(): () => void;
};

/** A class, because a closure for each method of each timer was a tenth of a world's time. */
class Timer {
  atMs: number;
  tie: number;
  callBack: (() => void) | null;
  readonly everyMs: number | null;
  readonly isOver: (() => boolean) | null;
  constructor(atMs: number, tie: number, callBack: () => void, everyMs: number | null, isOver: (() => boolean) | null) {
    this.atMs = atMs;
    this.tie = tie;
    this.callBack = callBack;
    this.everyMs = everyMs;
    this.isOver = isOver;
  }
  unref(): this {
    return this;
  }
  ref(): this {
    return this;
  }
}

/** The day on which every world begins. */
export const worldBeginsMs = Date.UTC(2026, 10, 2, 9);

const realImmediate = setImmediate;
/** Ends when everything that can go on without time passing has gone on: promises are settled before it. */
const settled = (): Promise<void> => new Promise((resolve) => realImmediate(() => resolve()));

/** Whether it is done is asked no more often than that: it costs more than an event. */
const eventsPerLook = 16;

export function createVirtualTime(chance: Chance): VirtualTime {
  let nowMs = worldBeginsMs;
  const queue: Timer[] = [];
  let bond: (() => boolean) | null = null;

  function schedule(callBack: () => void, delayMs: number, everyMs: number | null): Timer {
    const atMs = nowMs + Math.max(0, Math.ceil(delayMs));
    const timer = new Timer(atMs, chance.share(), callBack, everyMs, everyMs === null ? null : bond);
    push(queue, timer);
    return timer;
  }

  function fire(timer: Timer): void {
    const { callBack, everyMs, isOver } = timer;
    if (callBack === null || isOver?.() === true) return;
    if (everyMs === null) timer.callBack = null;
    else {
      timer.atMs = nowMs + everyMs;
      timer.tie = chance.share();
      push(queue, timer);
    }
    callBack();
  }

  return {
    nowMs: () => nowMs,
    wait: (durationMs) => new Promise((resolve) => void schedule(resolve, durationMs, null)),
    async passUntil(atMs, isDone) {
      await settled();
      for (let events = 0; ; events += 1) {
        if (events % eventsPerLook === 0 && isDone?.() === true) return true;
        const next = queue[0];
        if (next === undefined || next.atMs > atMs) break;
        pop(queue);
        if (next.callBack === null) continue;
        nowMs = next.atMs;
        fire(next);
        await settled();
      }
      nowMs = Math.max(nowMs, atMs);
      return false;
    },
    bound(isOver, work) {
      bond = isOver;
      try {
        return work();
      } finally {
        bond = null;
      }
    },
    takeOver: () => takeOver(schedule, () => nowMs),
  };
}

type Schedule = (callBack: () => void, delayMs: number, everyMs: number | null) => Timer;

/** Puts virtual time in the place of the machine's, and allows no chance but the seed's; gives both back. */
function takeOver(schedule: Schedule, nowMs: () => number): () => void {
  const real = { setTimeout, setInterval, clearTimeout, clearInterval };
  const [realNow, realRandom, stackTraceLimit] = [Date.now, Math.random, Error.stackTraceLimit];
  // A stack is captured for each signal that is aborted, and nobody looks at it: a fifteenth of a world's time.
  Error.stackTraceLimit = 0;
  const clear = (timer: unknown): void => {
    if (timer !== undefined && timer !== null) (timer as Timer).callBack = null;
  };
  Object.assign(globalThis, {
    setTimeout: (callBack: () => void, delayMs = 0) => schedule(callBack, delayMs, null),
    setInterval: (callBack: () => void, everyMs = 1) => schedule(callBack, everyMs, Math.max(1, everyMs)),
    clearTimeout: clear,
    clearInterval: clear,
  });
  Date.now = nowMs;
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

function isEarlier(left: Timer, right: Timer): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.tie < right.tie);
}

/** A binary heap: the earliest timer is the first. */
function push(heap: Timer[], timer: Timer): void {
  let at = heap.push(timer) - 1;
  while (at > 0) {
    const above = (at - 1) >> 1;
    const parent = heap[above] as Timer;
    if (!isEarlier(timer, parent)) break;
    heap[at] = parent;
    at = above;
  }
  heap[at] = timer;
}

function pop(heap: Timer[]): void {
  const last = heap.pop() as Timer;
  if (heap.length === 0) return;
  let at = 0;
  for (;;) {
    let below = at * 2 + 1;
    if (below >= heap.length) break;
    if (below + 1 < heap.length && isEarlier(heap[below + 1] as Timer, heap[below] as Timer)) below += 1;
    if (!isEarlier(heap[below] as Timer, last)) break;
    heap[at] = heap[below] as Timer;
    at = below;
  }
  heap[at] = last;
}
