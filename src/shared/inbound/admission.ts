/**
 * How many requests may be in progress at once. By Little's law those in progress are the rate at which they are done
 * times how long they take, so the limit is the rate of late times how long they may take: where the rate falls, fewer
 * are let in, and each takes about as long as before. What is not let in is told so before any work is done for it.
 * The rate is what is done and not what is asked for, and it grows with what is let in up to what can be done: from
 * below the limit rises until requests take as long as they may.
 */
export type Admission = {
  /** A place for one more request, or null if there is none. */
  enter(): Place | null;
  limit(): number;
};

/** Held by a request until it is answered. Both ways of giving it back may be used more than once. */
export type Place = {
  /** Gives the place back: answered, or gone. */
  leave(): void;
  /** Gives the place back while the request waits on purpose, and does no work. Returns how to take it again. */
  standAside(): () => void;
};

export type AdmissionOptions = {
  /** Milliseconds on a clock that never jumps. */
  readonly nowMs: () => number;
  /** Always let in: what a quiet server takes of a burst before it knows its rate. */
  readonly floor: number;
  /** Never let in, whatever the rate: memory and connections are for so many. */
  readonly cap: number;
  /** How long a request may take in a full server. */
  readonly targetMs: number;
};

/** The rate is counted in buckets over this window: long enough to span a checkpoint, short enough to fall in time. */
const bucketMs = 100;
const bucketCount = 10;

export function createAdmission(options: AdmissionOptions): Admission {
  const rate = createRate(options.nowMs);
  let inProgress = 0;

  function limit(): number {
    const inTime = Math.ceil((rate.perSecond() * options.targetMs) / 1_000);
    return Math.min(options.cap, Math.max(options.floor, inTime));
  }

  function place(): Place {
    let isHeld = true;
    let isOver = false;
    inProgress += 1;
    function giveBack(): void {
      if (isHeld) inProgress -= 1;
      isHeld = false;
    }
    return {
      leave() {
        if (!isOver) rate.count();
        isOver = true;
        giveBack();
      },
      standAside() {
        giveBack();
        return () => {
          if (isOver || isHeld) return;
          isHeld = true;
          inProgress += 1;
        };
      },
    };
  }

  return { enter: () => (inProgress < limit() ? place() : null), limit };
}

/** How many per second were counted of late. */
function createRate(nowMs: () => number) {
  const counts = new Array<number>(bucketCount).fill(0);
  let sum = 0;
  let newest = Math.floor(nowMs() / bucketMs);

  function turn(): void {
    const now = Math.floor(nowMs() / bucketMs);
    for (let steps = Math.min(now - newest, bucketCount); steps > 0; steps -= 1) {
      const slot = (now - steps + 1) % bucketCount;
      sum -= counts[slot] ?? 0;
      counts[slot] = 0;
    }
    newest = now;
  }

  return {
    count() {
      turn();
      const slot = newest % bucketCount;
      counts[slot] = (counts[slot] ?? 0) + 1;
      sum += 1;
    },
    perSecond() {
      turn();
      // The newest bucket is not full yet.
      return (sum * 1_000) / (bucketMs * (bucketCount - 1) + (nowMs() % bucketMs));
    },
  };
}
