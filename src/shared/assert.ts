/**
 * A bug in Onetill: a state that the code holds to be impossible. It ends the request or the worker's
 * message, is logged with its stack, and is never shown to a buyer. It stays on in production.
 */
export class Bug extends Error {
  override readonly name = 'Bug';
}

/** Throws a Bug unless the condition holds. The message says what must be true. */
export function assert(condition: unknown, mustBeTrue: string): asserts condition {
  if (!condition) throw new Bug(`must be true: ${mustBeTrue}`);
}

/** The end of an exhaustive switch: does not compile while a case is missing. */
export function never(value: never, where: string): never {
  throw new Bug(`unexpected value in ${where}: ${String(value)}`);
}

/** The value, or a Bug when it is missing. For rows that a query must return. */
export function present<T>(value: T | null | undefined, what: string): T {
  if (value === null || value === undefined) throw new Bug(`must be present: ${what}`);
  return value;
}
