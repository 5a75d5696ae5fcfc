import type { Evidence } from './evidence.ts';

/** A broken promise, found by a judge: which one, of which order, key or SKU, and what stands against what. */
export type Violation = { readonly promise: number; readonly subject: string; readonly says: string };

/**
 * Judges one promise of a run that has come to rest. Pure: the same evidence gives the same violations. Says nothing of
 * what the run did not try; floors (tests/prove/part.ts) are there for that.
 */
export type Judge = {
  readonly promise: number;
  /** Where it stands. */
  readonly file: string;
  /** What it holds against what: the end of a sentence that begins with "holds". */
  readonly compares: string;
  readonly judge: (evidence: Evidence) => readonly Violation[];
};
