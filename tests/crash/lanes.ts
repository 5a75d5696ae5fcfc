import type { CaseResult } from './case.ts';
import { type Ground, type Lane, openLane } from './lane.ts';

/** Lanes that are opened when they are needed, and used again. */
export type Lanes = {
  /**
   * Lends a lane for one piece of work. A lane in which something was found is not lent again, so that it is found
   * once; neither is one that has been used often, because the judges look at all that a lane has ever done.
   */
  use<Result extends { readonly result: Pick<CaseResult, 'violations'> }>(
    work: (lane: Lane) => Promise<Result>,
  ): Promise<Result>;
  close(): Promise<void>;
};

const usesMax = 40;

export function openLanes(ground: Ground): Lanes {
  const free: { readonly lane: Lane; uses: number }[] = [];
  const all = new Set<Lane>();
  let opened = 0;
  async function open(): Promise<{ lane: Lane; uses: number }> {
    opened += 1;
    const lane = await openLane(ground, `lane_${opened}`);
    all.add(lane);
    return { lane, uses: 0 };
  }
  async function leave(lane: Lane): Promise<void> {
    all.delete(lane);
    await lane.close();
  }
  return {
    async use(work) {
      const held = free.pop() ?? (await open());
      const done = await work(held.lane);
      held.uses += 1;
      if (done.result.violations.length > 0 || held.uses >= usesMax) await leave(held.lane);
      else free.push(held);
      return done;
    },
    async close() {
      await Promise.all([...all].map(leave));
    },
  };
}
