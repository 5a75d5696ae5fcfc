import type { Evidence } from './evidence.ts';

/** A planted violation: what it is, how it gets into a clean evidence, and what the judge of the promise must say. */
export type Canary = {
  readonly promise: number;
  readonly plants: string;
  readonly plant: (evidence: Evidence) => Evidence;
  readonly finds: RegExp;
};
