import { onlineOrder } from '../../src/sagas/online-order.ts';
import { authorisationsOfBooks } from '../judges/collect.ts';
import type { Evidence, Tables } from '../judges/evidence.ts';
import type { Violation } from '../judges/judge.ts';
import { judgeAll } from '../judges/judges.ts';
import { buy } from './buyer.ts';
import { chanceOf } from './chance.ts';
import { type Furnished, furnish } from './furnish.ts';
import { openOffice } from './office.ts';
import { type Plan, planOf } from './plan.ts';
import { isAtRest, nextDueMs, unrestOf } from './rest.ts';
import { type TableName, tableNames } from './store/schema.ts';
import { createVirtualTime, worldBeginsMs } from './virtual-time.ts';
import type { World } from './world.ts';

export type Played = {
  readonly seed: number;
  readonly traceHash: string;
  readonly trace: readonly string[];
  readonly figures: Readonly<Record<string, number>>;
  readonly violations: readonly Violation[];
};

/** Plays the world of a seed from its beginning to its rest, and has it judged. In virtual time, in this thread. */
export async function play(seed: number, options: { readonly keepsTrace?: boolean } = {}): Promise<Played> {
  const time = createVirtualTime(chanceOf(seed).fork('ties'));
  const plan = planOf(seed);
  const giveTimeBack = time.takeOver();
  const givePatienceBack = bePatient(plan);
  try {
    const furnished = furnish(plan, time, { keepsTrace: options.keepsTrace === true });
    const stuck = await live(furnished);
    const { world } = furnished;
    const evidence = evidenceOf(furnished);
    const violations = [...furnished.suspicions, ...stuck, ...judgeAll(evidence)];
    count(world, evidence);
    return {
      seed,
      traceHash: world.trace.hash(),
      trace: world.trace.lines,
      figures: world.figures.of,
      violations,
    };
  } finally {
    givePatienceBack();
    giveTimeBack();
  }
}

/** The saga is data: for the length of a world its times are those of the plan. */
function bePatient({ patience }: Plan): () => void {
  const { withinMs, reviewWithinMs, settleWithinMs } = onlineOrder;
  Object.assign(onlineOrder, patience);
  return () => void Object.assign(onlineOrder, { withinMs, reviewWithinMs, settleWithinMs });
}

/** Once nothing is due before then, the world is switched off until something is. */
const worthWaitingMs = 10 * 60_000;
/** How often it may be, and how long each stretch of work may take, before it counts as stuck. */
const nightsMax = 60;
const stretchMs = 30 * 60_000;

async function live({ world, start, settleIn }: Furnished): Promise<Violation[]> {
  const { plan, time, supervisor } = world;
  start();
  let office = openOffice(world);
  let buyersLeft = plan.buyers;
  for (let number = 1; number <= plan.buyers; number += 1) {
    void buy(world, number).finally(() => {
      buyersLeft -= 1;
    });
  }
  time.after(plan.faultsEndMs, () => mendProvider(world));
  const quietUntil = (): number => nextDueMs(world);
  await time.passUntil(worldBeginsMs + plan.faultsEndMs, undefined, quietUntil);
  const isDone = (): boolean => buyersLeft === 0 && isAtRest(world);
  for (let night = 1; night <= nightsMax; night += 1) {
    const isStill = (): boolean => isDone() || (buyersLeft === 0 && nextDueMs(world) > time.nowMs() + worthWaitingMs);
    const isOver = await time.passUntil(time.nowMs() + stretchMs, isStill, quietUntil);
    if (isDone()) break;
    if (!isOver) continue;
    office.close();
    await settleIn(supervisor.stopAll(night % 2 === 0 ? 'kill' : 'stop'));
    world.figures.count('nights');
    await time.passUntil(nextDueMs(world) - 1_000);
    supervisor.startAll();
    office = openOffice(world);
  }
  office.close();
  if (isDone()) return [];
  return [{ promise: 5, subject: `world ${plan.seed}`, says: `does not come to rest: ${unrestOf(world)}` }];
}

/** Faults that travel with a token go on: they hit each call so often and no more. */
function mendProvider({ provider, figures }: World): void {
  for (const { operation, fault, hits } of provider.faults.rules) {
    if (hits > 0) figures.count(`fault ${operation}:${fault}`, hits);
  }
  provider.faults.rules.length = 0;
}

function evidenceOf({ world, messagesWritten }: Furnished): Evidence {
  const tables = Object.fromEntries(tableNames.map((name: TableName) => [name, world.store.committed(name)]));
  return {
    history: world.history.calls(),
    ours: { ...(tables as unknown as Tables), messages_written: [...messagesWritten.values()] },
    theirs: authorisationsOfBooks(world.provider.books),
    takenAt: new Date(world.time.nowMs()),
  };
}

function count({ figures, time, provider }: World, { history, ours }: Evidence): void {
  for (const [fault, hits] of provider.faults.tokenHits) figures.count(`fault ${fault}`, hits);
  figures.count('virtual seconds', Math.round((time.nowMs() - worldBeginsMs) / 1_000));
  figures.count('calls', history.length);
  figures.count('acknowledged orders', ours.orders.length);
  figures.count('confirmed', ours.orders.filter(({ status }) => status === 'confirmed').length);
  figures.count('cancelled', ours.orders.filter(({ status }) => status === 'cancelled').length);
}
