/**
 * The only file outside main/ that may look at the machine's clock or timers. Decisions take `now` as an
 * argument. Where processes must agree (leases, deadlines), the time is PostgreSQL's, not this one.
 */

/** Milliseconds since 1970, UTC. */
export type Clock = { readonly nowMs: () => number };

export const machineClock: Clock = { nowMs: () => Date.now() };

/** Waits. Resolves early, without an error, when the signal aborts. */
export function sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(done, durationMs);
    signal?.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
  });
}

/** A wait that may be cut short. For what is woken often: each abort of a signal makes an error, and its stack. */
export function nap(durationMs: number): { readonly over: Promise<void>; wake(): void } {
  let wake = (): void => {};
  const over = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, durationMs);
    wake = () => {
      clearTimeout(timer);
      resolve();
    };
  });
  return { over, wake };
}

/** Milliseconds on a clock that never jumps; for measuring how long something took. */
export function stopwatch(): () => number {
  const startedAt = process.hrtime.bigint();
  return () => Number(process.hrtime.bigint() - startedAt) / 1e6;
}

/** Calls back once what has arrived by now has been looked at, before the next wait for something to arrive. */
export function soon(callBack: () => void): void {
  setImmediate(callBack);
}

/** Calls back once, later. Returns how to forget it. Does not keep the process alive. */
export function after(delayMs: number, callBack: () => void): () => void {
  const timer = setTimeout(callBack, delayMs).unref();
  return () => clearTimeout(timer);
}

/** Calls back again and again. Returns how to stop it. Does not keep the process alive. */
export function every(intervalMs: number, callBack: () => void): () => void {
  const timer = setInterval(callBack, intervalMs).unref();
  return () => clearInterval(timer);
}
