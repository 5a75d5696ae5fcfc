import { afterEach, expect, test } from 'vitest';
import { upsertProducts } from '../../../src/catalog/import.sql.ts';
import { cancelCheckout, insertKey, lockCheckout } from '../../../src/checkout/checkout.sql.ts';
import { lockStock } from '../../../src/checkout/commit.sql.ts';
import { setOnHand } from '../../../src/inventory/stock.sql.ts';
import { readFrom } from '../../../src/messaging/event-feed.run.ts';
import { beginning } from '../../../src/messaging/event-place.ts';
import { enqueue, take } from '../../../src/messaging/messages.sql.ts';
import { applyChange } from '../../../src/sagas/change.sql.ts';
import { lockOrder, type SagaOrder, takeTurn } from '../../../src/sagas/saga.sql.ts';
import type { SagaChange } from '../../../src/sagas/saga.ts';
import { present } from '../../../src/shared/assert.ts';
import { sleep } from '../../../src/shared/clock.ts';
import { currencyOf } from '../../../src/shared/money.ts';
import { sqlState, type Transaction } from '../../../src/shared/postgres/client.ts';
import { chanceOf } from '../chance.ts';
import { caller, merchantId, titleOf } from '../seed-rows.ts';
import { statements } from '../store/statements/all.ts';
import { worldBeginsMs } from '../virtual-time.ts';
import { type Actors, actorsOn } from './actors.ts';
import { drawDraft, hash, nobody } from './draws.ts';
import { contractRows } from './lockstep.ts';
import { openMemory, openPostgres, type StoreUnderTest } from './two-stores.ts';

/** What holds while two transactions are at work, on either store. */

const opened: StoreUnderTest[] = [];
afterEach(async () => {
  for (const store of opened.splice(0)) await store.stop();
});

async function onBoth(work: (store: StoreUnderTest, actors: Actors) => Promise<void>): Promise<void> {
  for (const open of [openPostgres, openMemory]) {
    const store = await open(contractRows(), worldBeginsMs);
    opened.push(store);
    await work(
      store,
      actorsOn(store.database, () => worldBeginsMs),
    );
  }
}

/** A transaction that does its first work, and then waits to be ended. */
async function held<T>(store: StoreUnderTest, work: (tx: Transaction) => Promise<T>) {
  let end = (_: 'commit' | 'rollback'): void => {};
  let tell = (_: T): void => {};
  const worked = new Promise<T>((resolve) => {
    tell = resolve;
  });
  const mayEnd = new Promise<'commit' | 'rollback'>((resolve) => {
    end = resolve;
  });
  const ended = store.database
    .transaction(async (tx) => {
      tell(await work(tx));
      if ((await mayEnd) === 'rollback') throw new RangeError('rolled back');
    })
    .catch((error: unknown) => {
      if (!(error instanceof RangeError)) throw error;
    });
  const first = await Promise.race([worked, ended.then(() => worked)]);
  return {
    first,
    async end(how: 'commit' | 'rollback'): Promise<void> {
      end(how);
      await ended;
    },
  };
}

async function isWaiting(promise: Promise<unknown>): Promise<boolean> {
  const waited = await Promise.race([promise.then(() => 'ended'), sleep(250).then(() => 'waits')]);
  return waited === 'waits';
}

async function order(actors: Actors, sku = 'APPLE'): Promise<string> {
  const draft = { ...drawDraft(chanceOf('order')), lines: [{ sku, quantity: 1 }] };
  const view = await actors.desk.create(caller, { ...draft, buyer: { email: 'ada@example.com' } }, null);
  if ('refused' in view) throw new Error(view.message);
  const key = `key of ${view.checkoutId}`;
  const placed = await actors.desk.complete(caller, view.checkoutId, {
    key: { key, requestSha256: hash(key) },
    token: { reveal: () => 'tok_ok' } as never,
    provider: 'simulated',
    billingCountry: null,
    seenVersion: null,
    waitMs: 0,
    traceparent: null,
  });
  if ('refused' in placed) throw new Error(placed.message);
  return present(placed.orderId, 'the order of a checkout that was completed');
}

const told: SagaChange = {
  steps: [],
  send: [],
  events: [{ type: 'OrderReleased', data: { by: 'hand' } }],
  audit: [],
  inbox: [],
};

async function tell(tx: Transaction, actors: Actors, orderId: string): Promise<SagaOrder> {
  const locked = present(await lockOrder(tx, orderId, null), 'an order');
  await applyChange(tx, locked, told, { actor: 'by hand', newId: actors.newId, owner: 'operations' });
  return locked;
}

test('who waits for a locked order then sees it as its holder has left it', async () => {
  await onBoth(async (store, actors) => {
    const orderId = await order(actors);
    for (const how of ['commit', 'rollback'] as const) {
      const holder = await held(store, (tx) => tell(tx, actors, orderId));
      const other = store.database.transaction((tx) => lockOrder(tx, orderId, null));
      expect(await isWaiting(other)).toBe(true);
      await holder.end(how);
      const seen = (await other)?.nextSequence;
      expect(seen).toBe(holder.first.nextSequence + (how === 'commit' ? 1 : 0));
    }
  });
});

test('who waits for stock then has its new count, and the prices of when the statement began', async () => {
  await onBoth(async (store, actors) => {
    const counting = await held(store, (tx) =>
      setOnHand(tx, {
        merchantId,
        sku: 'BEET',
        onHandUnits: 77n,
        actor: 'Ada',
        reason: 'counted',
        newId: actors.newId,
      }),
    );
    const locking = store.database.transaction((tx) => lockStock(tx, [{ merchantId, sku: 'BEET' }]));
    expect(await isWaiting(locking)).toBe(true);
    await store.database.transaction((tx) =>
      upsertProducts(tx, {
        merchantId,
        currency: currencyOf('GBP'),
        skus: ['BEET'],
        titles: [titleOf('BEET')],
        pricesMinor: [999n],
      }),
    );
    await counting.end('commit');
    expect(await locking).toMatchObject([{ sku: 'BEET', freeUnits: 77n, priceMinor: 300n }]);
  });
});

test('a locked checkout is not cancelled by anybody else until its lock is gone', async () => {
  await onBoth(async (store, actors) => {
    await order(actors);
    const checkoutId = String((await store.tables()).checkouts[0]?.checkout_id);
    const holder = await held(store, (tx) => lockCheckout(tx, checkoutId));
    const cancelling = store.database.transaction((tx) => cancelCheckout(tx, checkoutId));
    expect(await isWaiting(cancelling)).toBe(true);
    await holder.end('commit');
    await cancelling;
    expect((await store.tables()).checkouts).toMatchObject([{ status: 'cancelled' }]);
  });
});

test('messages that one worker takes are skipped by another, and are there again if it rolls back', async () => {
  await onBoth(async (store, actors) => {
    const orderId = await order(actors);
    const lease = { queue: 'screening' as const, count: 5, leaseId: nobody, leasedBy: 'worker', leaseMs: 1_000 };
    const first = await held(store, (tx) => take(tx, lease));
    expect(first.first.map((message) => message.orderId)).toEqual([orderId]);
    expect(await take(store.database, lease)).toEqual([]);
    await first.end('rollback');
    expect(await take(store.database, lease)).toMatchObject([{ orderId, attempt: 1 }]);
  });
});

const keyRow = {
  ...caller,
  operation: 'create' as const,
  idempotencyKey: 'one key',
  requestSha256: hash('one key'),
  checkoutId: nobody,
  version: 1,
  notices: [],
};

test('of two that write one key the second waits: refused if the first commits, and the first one if not', async () => {
  await onBoth(async (store) => {
    const write = () => store.database.transaction((tx) => insertKey(tx, keyRow));
    const rolledBack = await held(store, (tx) => insertKey(tx, keyRow));
    const second = write();
    expect(await isWaiting(second)).toBe(true);
    await rolledBack.end('rollback');
    await second;
    const refused = await write().catch(sqlState);
    expect(refused).toBe('23505');
  });
});

test('of two messages of one cause the second waits, and is not written if the first one is', async () => {
  await onBoth(async (store, actors) => {
    const message = () => ({
      messageId: actors.newId(),
      type: 'check-payment' as const,
      merchantId,
      orderId: null,
      idempotencyKey: 'one cause',
      payload: {},
      traceparent: null,
    });
    const first = await held(store, (tx) => enqueue(tx, [message()]));
    const second = store.database.transaction((tx) => enqueue(tx, [message()]));
    expect(await isWaiting(second)).toBe(true);
    await first.end('commit');
    await second;
    expect((await store.tables()).messages).toHaveLength(1);
  });
});

test('two that wait for each other do not wait for ever: one begins anew, and both come through', async () => {
  await onBoth(async (store, actors) => {
    const [one, other] = [await order(actors), await order(actors, 'BEET')];
    let begun = 0;
    const cross = (orderIds: readonly string[]) =>
      store.database.transaction(async (tx) => {
        begun += 1;
        for (const orderId of orderIds) {
          await tell(tx, actors, orderId);
          await sleep(80);
        }
      });
    await Promise.all([cross([one, other]), cross([other, one])]);
    expect(begun).toBeGreaterThan(2);
    const { orders } = await store.tables();
    expect(orders.map(({ next_sequence }) => next_sequence)).toEqual([4, 4]);
  });
});

test('events are read once no transaction that began before theirs is open any more', async () => {
  await onBoth(async (store, actors) => {
    const [slow, quick] = [await order(actors), await order(actors, 'BEET')];
    await store.quiet();
    const read = async () => (await store.database.transaction((tx) => readFrom(tx, beginning))).events.length;
    const before = await read();
    const open = await held(store, (tx) => tell(tx, actors, slow));
    await store.database.transaction((tx) => tell(tx, actors, quick));
    expect(await read()).toBe(before);
    await open.end('commit');
    await store.quiet();
    expect(await read()).toBe(before + 2);
  });
});

test('a turn is had by one transaction at a time', async () => {
  await onBoth(async (store) => {
    const first = await held(store, (tx) => takeTurn(tx, 'sweep'));
    const turn = () => store.database.transaction((tx) => takeTurn(tx, 'sweep'));
    expect([first.first, await turn()]).toEqual([true, false]);
    await first.end('rollback');
    expect(await turn()).toBe(true);
  });
});

test('after a statement that failed a transaction does nothing more, and what it did is gone', async () => {
  await onBoth(async (store) => {
    await store.database.transaction((tx) => insertKey(tx, keyRow));
    const states: (string | null)[] = [];
    await store.database.transaction(async (tx) => {
      await insertKey(tx, { ...keyRow, idempotencyKey: 'another key' });
      await insertKey(tx, keyRow).catch((error) => states.push(sqlState(error)));
      await insertKey(tx, { ...keyRow, idempotencyKey: 'a third key' }).catch((error) => states.push(sqlState(error)));
    });
    expect(states).toEqual(['23505', '25P02']);
    expect((await store.tables()).commit_keys).toHaveLength(1);
  });
});

test('a checkout lock that does nothing is noticed', async () => {
  const idle = { ...statements, lock_checkout: () => [] };
  const store = await openMemory(contractRows(), worldBeginsMs, idle);
  await order(actorsOn(store.database, () => worldBeginsMs));
  const checkoutId = String((await store.tables()).checkouts[0]?.checkout_id);
  await held(store, (tx) => lockCheckout(tx, checkoutId));
  expect(await isWaiting(store.database.transaction((tx) => cancelCheckout(tx, checkoutId)))).toBe(false);
});
