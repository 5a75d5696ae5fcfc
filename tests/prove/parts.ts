import type { Part } from './part.ts';

/** A part by its name, loaded only in the process that runs it. The module exports it as `part`. */
export type PartEntry = { readonly name: string; readonly load: () => Promise<{ readonly part: Part }> };

/** The parts of the proof, in the order in which they run. Each is one line: `{ name, load: () => import(…) }`. */
export const parts: readonly PartEntry[] = [];
