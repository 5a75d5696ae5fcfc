import { AsyncLocalStorage } from 'node:async_hooks';

const scope = new AsyncLocalStorage<string>();

/** Runs the work in a W3C trace: what it calls outside carries the trace on, without handing it from call to call. */
export function insideTrace<T>(traceparent: string | null, work: () => Promise<T>): Promise<T> {
  return traceparent === null ? work() : scope.run(traceparent, work);
}

/** The trace of the running work, if it has one. */
export function currentTraceparent(): string | undefined {
  return scope.getStore();
}
