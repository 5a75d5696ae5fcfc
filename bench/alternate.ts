import { type Ground, settle } from './ground.ts';
import { latenciesOf, median, medianLatencies } from './percentiles.ts';
import type { Run } from './reference.ts';

export type Sides = Readonly<Record<'ours' | 'byHand', (clients: number, orders: number) => Promise<Run>>>;

export type Summary = ReturnType<typeof summaryOf>;
export type Compared = {
  readonly clients: number;
  readonly ours: Summary;
  readonly theirs: Summary;
  readonly ratio: number;
  readonly ratios: readonly number[];
};

const warmUpOrders = 400;

/**
 * A B, B A, A B: what drifts while it is measured burdens both. The warm-up tells how many orders fill a run; the ratio
 * is the median of those of neighbouring runs.
 */
export async function alternate(ground: Ground, clients: number, sides: Sides): Promise<Compared> {
  const ordersOf = (run: Run) => Math.ceil((run.perSecond * ground.pace.secondsPerRun) / clients) * clients;
  const warmUp = Math.max(warmUpOrders, clients * 10);
  const count = {
    ours: ordersOf(await sides.ours(clients, warmUp)),
    byHand: ordersOf(await sides.byHand(clients, warmUp)),
  };
  const runs: Record<keyof Sides, Run[]> = { ours: [], byHand: [] };
  for (let round = 0; round < ground.pace.rounds; round += 1) {
    const order = round % 2 === 0 ? (['ours', 'byHand'] as const) : (['byHand', 'ours'] as const);
    for (const side of order) {
      await settle(ground.database);
      runs[side].push(await sides[side](clients, count[side]));
    }
  }
  const ratios = runs.ours.map((run, index) => run.perSecond / (runs.byHand[index]?.perSecond ?? Number.NaN));
  return { clients, ours: summaryOf(runs.ours), theirs: summaryOf(runs.byHand), ratio: median(ratios), ratios };
}

/** Several runs of one thing as one: each figure the median of it. */
export function summaryOf(runs: readonly Run[]) {
  return {
    perSecond: median(runs.map((run) => run.perSecond)),
    runsPerSecond: runs.map((run) => Math.round(run.perSecond)),
    ordersPerRun: runs[0]?.orders ?? 0,
    latencies: medianLatencies(runs.map((run) => latenciesOf(run.latenciesMs))),
  };
}
