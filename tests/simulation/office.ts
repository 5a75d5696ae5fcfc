import { upsertProducts } from '../../src/catalog/import.sql.ts';
import { recordCount } from '../../src/operations/count.run.ts';
import { discardLetter, replayLetter } from '../../src/operations/dead-letters.run.ts';
import type { Deed } from '../../src/operations/deed.ts';
import { closeItem } from '../../src/operations/inbox.run.ts';
import { reviewOrder } from '../../src/operations/review.run.ts';
import { onlineOrder } from '../../src/sagas/online-order.ts';
import { undosOf } from '../../src/sagas/saga.ts';
import { sleep } from '../../src/shared/clock.ts';
import { toError } from '../../src/shared/failure.ts';
import { currencyOf } from '../../src/shared/money.ts';
import type { Chance } from './chance.ts';
import type { MarketChange } from './plan.ts';
import { createProcess, isOwnFault } from './process.ts';
import { merchantId, titleOf } from './seed-rows.ts';
import type { Process, World } from './world.ts';

/** The people of the shop: they look at held orders and dead letters, count stock and change prices. */
export function openOffice(world: World): { close(): void } {
  const chance = world.chance.fork('office');
  const process = createProcess(world, 'office');
  const deed: Deed = { database: process.database, merchantId, newId: world.newId, by: 'Ada' };
  for (const change of world.plan.market) {
    world.time.after(
      change.atMs,
      () => void trying(world, process, change.change, () => changeMarket(world, deed, change)),
    );
  }
  let isOpen = true;
  void (async () => {
    while (isOpen) {
      // A look, like those of the project's own loops.
      await sleep(chance.magnitude(500, 40_000));
      if (!isOpen) return;
      await lookAround(world, process, deed, chance);
    }
  })();
  return {
    close() {
      isOpen = false;
      process.kill();
    },
  };
}

/** People try again later when something fails; what must never fail is told on. */
async function trying(world: World, process: Process, what: string, work: () => Promise<unknown>): Promise<void> {
  await work().catch((thrown: unknown) => {
    const error = toError(thrown);
    world.note(process.name, `${what} failed: ${error.message}`);
    if (isOwnFault(error)) world.suspect(error, `${process.name}: ${what}`);
  });
}

const undos: readonly string[] = undosOf(onlineOrder);
/** What follows by itself from the order's deadline, or was a hint only. The others are given up by no good person. */
const mayBeDiscarded = ['screen-for-fraud', 'authorise-payment', 'confirm-order', 'handle-webhook'];

async function lookAround(world: World, process: Process, deed: Deed, chance: Chance): Promise<void> {
  const held = world.store.committed('orders').filter(({ status }) => status === 'on_hold');
  for (const { order_id: orderId } of held) await trying(world, process, 'review', () => review(world, deed, orderId));
  const open = world.store.committed('dead_letters').filter(({ status }) => status === 'open');
  for (const { message_id, type } of open) {
    // Who forgets leaves undos to the sweeper, which tries them again by itself.
    if (world.plan.person === 'forgets' && undos.includes(type)) continue;
    const isDiscarded = mayBeDiscarded.includes(type) && chance.happens(0.3);
    world.hit(isDiscarded ? 'person:discards' : 'person:replays');
    const settle = () => (isDiscarded ? discardLetter(deed, message_id, 'not wanted') : replayLetter(deed, message_id));
    const work = () => trying(world, process, 'settle a letter', settle);
    await Promise.all(chance.happens(0.2) ? [work(), work()] : [work()]);
  }
  const items = world.store.committed('operator_inbox').filter(({ closed_at }) => closed_at === null);
  for (const { item_id: itemId } of items.filter(() => chance.happens(0.3))) {
    await trying(world, process, 'close', () => closeItem(deed, { itemId, resolution: 'seen to' }));
  }
}

async function review(world: World, deed: Deed, orderId: string): Promise<void> {
  const { person } = world.plan;
  if (person === 'forgets') return;
  world.hit(`person:${person === 'says both' ? 'two-verdicts' : person}`);
  const say = (verdict: 'accept' | 'refuse') => reviewOrder(deed, { orderId, verdict, owner: 'operations' });
  if (person === 'says both') await Promise.all([say('accept'), say('refuse')]);
  else await say(person === 'accepts' ? 'accept' : 'refuse');
}

async function changeMarket(world: World, deed: Deed, { change, sku, by }: MarketChange): Promise<void> {
  world.hit(`market:${change}`);
  switch (change) {
    case 'price': {
      const batch = { merchantId, currency: currencyOf('GBP'), skus: [sku], titles: [titleOf(sku)] };
      await deed.database.transaction((tx) => upsertProducts(tx, { ...batch, pricesMinor: [BigInt(100 + by * 50)] }));
      return;
    }
    case 'count':
      await recordCount(deed, { sku, onHandUnits: BigInt(by), reason: 'counted' });
      return;
    default:
      // Nothing of the project takes a product off the list yet: its row is changed from outside.
      world.store.seed((run) => {
        run.update('products', { key: [merchantId, sku] }, () => ({ active: change === 'offer', updated_at: run.now }));
      });
      world.note('office', `${change} ${sku}`);
  }
}
