import type { Part, PartReport } from '../prove/part.ts';
import { type Explored, explore } from './explore.ts';
import type { Budget } from './world.ts';

/** The exhaustive walk: needs no seed, because it leaves nothing out. */
export const explorePart: Part = {
  name: 'explore',
  tries: 'every interleaving of two buyers of one last item, with every fault, on the real decision functions',
  async run({ scale, seed, progress }) {
    const budget: Budget = scale === 'full' ? { leases: 1, others: 1 } : { leases: 0, others: 1 };
    const onProgress = (states: number): void => progress(`explored ${states} states`);
    // It leaves no tables behind that the judges of a run could look at; it holds each state against its own rules.
    return { ...reportOf(explore(budget, { onProgress }), scale === 'full' ? 400_000 : 20_000), seed, judged: [] };
  },
};

function reportOf(walked: Explored, statesMin: number): Omit<PartReport, 'seed'> {
  const faults = [...walked.faults.values()].reduce((sum, count) => sum + count, 0);
  const figures = {
    states: walked.states,
    edges: walked.edges,
    faults,
    'kinds of faults': walked.faults.size,
    'kinds of ends': walked.ends.size,
  };
  const floors = [
    { figure: 'states', least: statesMin, had: walked.states },
    { figure: 'kinds of faults', least: 12, had: walked.faults.size },
    { figure: 'kinds of ends', least: 4, had: walked.ends.size },
  ];
  const violation = (promise: number, subject: string, says: string) => ({ promise, subject, says, where: 'explore' });
  const violations = [
    ...walked.broken.map((way) => violation(Number(/promise (\d+)/.exec(way)?.[1] ?? 5), 'a state', way)),
    ...walked.stuck.map((way) => violation(5, 'a state from which nothing leads to an end', way)),
  ];
  return { figures, floors, violations };
}
