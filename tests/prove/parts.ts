import type { Part } from './part.ts';

/** A part by its name. It is loaded only in the process that runs it. */
export type PartEntry = { readonly name: string; readonly load: () => Promise<Part> };

/** The parts of the proof, in the order in which they run. Each is one line. */
export const parts: readonly PartEntry[] = [
  { name: 'explore', load: async () => (await import('../explore/part.ts')).explorePart },
  { name: 'simulation', load: async () => (await import('../simulation/part.ts')).simulationPart },
  { name: 'crash', load: async () => (await import('../crash/matrix.ts')).crashMatrix },
  { name: 'mutants', load: async () => (await import('../mutants/part.ts')).mutantsPart },
  { name: 'upgrade', load: async () => (await import('../upgrade/part.ts')).upgradePart },
  { name: 'durability', load: async () => (await import('../durability/part.ts')).durabilityPart },
  { name: 'races', load: async () => (await import('../races/part.ts')).racesPart },
  { name: 'network', load: async () => (await import('../network/part.ts')).networkPart },
];
