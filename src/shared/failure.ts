import type { RefusalCode } from './refusals.ts';

/**
 * The three kinds of failure. *Refused* is a value that the caller sees. *Retry* is thrown, with a delay.
 * *Bug* is an assertion (assert.ts). There is no fourth.
 */
export type Refused = {
  readonly refused: true;
  readonly code: RefusalCode;
  /** What happened and what to do next, for the person who reads it. Holds no personal data. */
  readonly message: string;
  /** Where in the input: a JSONPath such as `$.line_items[0].quantity`. */
  readonly path?: string;
  /** Facts for programs, such as the SKUs that are short. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** When to come back, where coming back helps. */
  readonly retryAfterMs?: number;
};

/** Makes a refusal. The code must stand in the catalogue (refusals.ts). */
export function refuse(
  code: RefusalCode,
  message: string,
  more: { path?: string; details?: Record<string, unknown>; retryAfterMs?: number } = {},
): Refused {
  return { refused: true, code, message, ...more };
}

export function isRefused(value: unknown): value is Refused {
  return typeof value === 'object' && value !== null && (value as { refused?: unknown }).refused === true;
}

/** Carries a refusal through code that can only throw (an HTTP hook, a stream). Caught at the rim. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  readonly refusal: Refused;
  constructor(refusal: Refused) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

/**
 * Try again later: thrown by a handler whose work could not be done now, with the reason and a delay if one is known.
 */
export class Retry extends Error {
  override readonly name = 'Retry';
  readonly retryAfterMs: number | undefined;
  constructor(reason: string, options: { retryAfterMs?: number | undefined; cause?: unknown } = {}) {
    super(reason, options.cause === undefined ? undefined : { cause: options.cause });
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** What was thrown, as an Error: JavaScript lets anything be thrown. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
