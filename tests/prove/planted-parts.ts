import { spawn } from 'node:child_process';
import type { Part, PartReport } from './part.ts';
import type { PartEntry } from './parts.ts';

/** Parts that end in every way in which a part can end, for the tests of the runner. */
export const parts: readonly PartEntry[] = [
  planted('good', async ({ seed, scale, progress }) => {
    progress(`seed ${seed}, ${scale}`);
    return report({ figures: { operations: 12, 'faults cut': 3, 'faults late': 4 } });
  }),
  planted('also-good', async () => report({ figures: { operations: 5, kills: 2 }, judged: [1, 5] })),
  planted('breaks-a-promise', async () => {
    const violation = { promise: 2, subject: 'order 7', says: 'was charged twice', where: 'seed 5' };
    return report({ violations: [violation] });
  }),
  planted('does-too-little', async () => report({ floors: [{ figure: 'operations', least: 100, had: 12 }] })),
  planted('has-no-floors', async () => report({ floors: [] })),
  planted('has-odd-figures', async () => report({ figures: { operations: 12, kills: 1.5 } })),
  planted('throws', async () => {
    throw new Error('something went wrong here');
  }),
  planted('ends-its-process', async () => process.exit(7)),
  planted('says-nothing', () => new Promise(() => {})),
  planted('talks-for-ever', ({ progress }) => {
    setInterval(() => progress('and on and on'), 50);
    return new Promise(() => {});
  }),
  planted('leaves-a-process', async () => {
    // In a session of its own, as a database server is: no signal to the group of the part reaches it.
    spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' }).unref();
    return report({});
  }),
];

function planted(name: string, run: Part['run']): PartEntry {
  return { name, load: async () => ({ name, tries: `what the part ${name} tries`, run }) };
}

function report(more: Partial<PartReport>): PartReport {
  const figures = more.figures ?? { operations: 12 };
  const floors = [{ figure: 'operations', least: 1, had: figures.operations ?? 0 }];
  return { seed: 1, figures, floors, violations: [], ...more };
}
