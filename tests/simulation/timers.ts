/** A class, because a closure for each method of each timer was a tenth of a world's time. */
export class Timer {
  atMs: number;
  /** Decides among timers of the same millisecond. */
  tie: number;
  callBack: (() => void) | null;
  readonly kind: TimerKind;
  constructor(atMs: number, tie: number, callBack: () => void, kind: TimerKind) {
    this.atMs = atMs;
    this.tie = tie;
    this.callBack = callBack;
    this.kind = kind;
  }
  unref(): this {
    return this;
  }
  ref(): this {
    return this;
  }
}

export type TimerKind = {
  /** Whether it is of one of the project's own loops: it looks whether there is something to do. */
  readonly isLook: boolean;
  /** Of an interval. */
  readonly everyMs: number | null;
  readonly isOver: (() => boolean) | null;
};

export function isEarlier(left: Timer, right: Timer): boolean {
  return left.atMs < right.atMs || (left.atMs === right.atMs && left.tie < right.tie);
}

/** Puts a timer into a binary heap: the earliest one is the first. */
export function push(heap: Timer[], timer: Timer): void {
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

/** Takes the earliest timer out of the heap. */
export function pop(heap: Timer[]): void {
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
