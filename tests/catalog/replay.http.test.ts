import { afterEach, describe, expect, test } from 'vitest';
import { shopClient } from '../../src/operations/replay.client.ts';
import { type ReplayOptions, runReplay } from '../../src/operations/replay.run.ts';
import type { PlannedOrder } from '../../src/operations/replay-plan.ts';
import { percentile, type ReplaySummary, renderReplay, replayExitCode } from '../../src/operations/replay-summary.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { type FakeShop, startFakeShop } from './fake-shop.ts';

let shop: FakeShop | undefined;
afterEach(async () => {
  await shop?.stop();
  shop = undefined;
});

describe('a replay through the public API', () => {
  test('orders are bought, declined and cancelled, and the summary says how each ended', async () => {
    shop = await startFakeShop();
    shop.byToken.set('tok_no', 'payment_failed');
    const orders = [order(1), order(2), order(3), order(4, { ends: 'cancel' }), order(5, { isDeclined: true })];
    const summary = await replay(shop, orders);
    expect(summary).toMatchObject({
      ended: 5,
      checkoutsCreated: 5,
      committed: 3,
      cancelled: 1,
      refused: { payment_failed: 1 },
      unknown: {},
      endings: { confirmed: 3, open: 0, cancelled: {} },
    });
    expect(replayExitCode(summary)).toBe(0);
    expect(renderReplay(summary)).toContain('refused            1 (payment_failed 1)');
  });

  test('a shop whose only option is another one is asked with a second request', async () => {
    shop = await startFakeShop({ optionId: 'by_donkey' });
    const summary = await replay(shop, [order(1)]);
    expect(summary).toMatchObject({ committed: 1, endings: { confirmed: 1 } });
  });

  test('after a lost answer the same key is sent again and nothing is bought twice', async () => {
    shop = await startFakeShop();
    shop.mishaps.set('POST checkout-sessions', ['cut_before', 'fail', 'cut_after']);
    shop.mishaps.set('POST complete', ['cut_after', 'busy', 'fail', 'cut_before', 'nonsense']);
    const summary = await replay(shop, [order(1)], {}, { triesMax: 6 });
    expect(summary).toMatchObject({ committed: 1, retries: 8, unknown: {}, endings: { confirmed: 1 } });
    expect(shop.checkouts.size).toBe(1);
    expect([...shop.effects.values()]).toEqual([1, 1]);
  });

  test('an order without an answer in all tries is unknown and makes the exit code 1', async () => {
    shop = await startFakeShop();
    shop.mishaps.set('POST complete', Array(4).fill('cut_after'));
    const summary = await replay(shop, [order(1), order(2)], { concurrency: 1 });
    expect(Object.keys(summary.unknown)).toEqual([expect.stringMatching(/^complete: /)]);
    expect(summary.committed).toBe(1);
    expect(replayExitCode(summary)).toBe(1);
  });

  test('an order that ends later is followed to its end, and one that does not end is still open', async () => {
    shop = await startFakeShop();
    shop.byToken.set('tok_later', 'decline_later');
    shop.byToken.set('tok_hang', 'hang');
    const later = order(1, { isDeclined: true, share: 0 });
    const hanging = order(2, { isDeclined: true, share: 0.99 });
    const tokens = { accepted: 'tok_ok', declined: ['tok_later', 'tok_hang'] };
    const summary = await replay(shop, [later, hanging, order(3)], { tokens, waitMs: 800 });
    expect(summary.endings).toEqual({ confirmed: 1, open: 1, cancelled: { payment_failed: 1 } });
    expect(replayExitCode(summary)).toBe(0);
  });

  test('a key that the shop does not know ends the replay at once', async () => {
    shop = await startFakeShop({ apiKey: 'another' });
    const summary = await replay(shop, many(100), { concurrency: 2 });
    expect(summary.stoppedBecause).toBe('the shop says api_key_unknown');
    expect(summary.ended).toBeLessThan(5);
    expect(replayExitCode(summary)).toBe(1);
  });

  test('a shop that is away ends the replay after some orders and not after all', async () => {
    shop = await startFakeShop();
    const { endpoint } = shop;
    await shop.stop();
    const summary = await replay({ ...shop, endpoint }, many(500), {}, { triesMax: 2 });
    expect(summary.stoppedBecause).toBe('the shop does not answer');
    expect(summary.ended).toBeLessThan(40);
    expect(replayExitCode(summary)).toBe(1);
    shop = undefined;
  });

  test('an interruption answers what is under way, begins nothing more, and sums up', async () => {
    shop = await startFakeShop();
    const interruption = new AbortController();
    const summary = await replay(shop, many(500), {
      concurrency: 4,
      signal: interruption.signal,
      onProgress: (tally) => (tally.ended === 20 ? interruption.abort() : undefined),
    });
    expect(summary.stoppedBecause).toBe('interrupted');
    expect(summary.ended).toBeLessThan(30);
    expect(summary.committed).toBe(summary.ended);
    expect(summary.unknown).toEqual({});
  });

  test('a rate is kept to', async () => {
    shop = await startFakeShop();
    const summary = await replay(shop, many(11), { ratePerSecond: 20 });
    expect(summary.durationMs).toBeGreaterThanOrEqual(490);
    expect(summary.committed).toBe(11);
  });
});

test('a percentile is a number that was measured', () => {
  const numbers = Array.from({ length: 100 }, (_, index) => index + 1);
  expect([50, 95, 99, 100].map((percent) => percentile(numbers, percent))).toEqual([50, 95, 99, 100]);
  expect(percentile([7], 99)).toBe(7);
  expect(percentile([], 50)).toBe(0);
});

function order(number: number, changes: Partial<PlannedOrder> = {}): PlannedOrder {
  return {
    id: `${number}`,
    invoicedAtMs: number,
    lines: [{ sku: '21166', quantity: 1 }],
    country: 'GB',
    buyer: { firstName: 'Ada', lastName: 'Archer', email: 'ada@example.com' },
    ends: 'complete',
    isDeclined: false,
    share: 0,
    ...changes,
  };
}

function many(count: number): PlannedOrder[] {
  return Array.from({ length: count }, (_, index) => order(index + 1));
}

async function replay(
  at: Pick<FakeShop, 'endpoint'>,
  orders: readonly PlannedOrder[],
  changes: Partial<ReplayOptions> = {},
  client: { triesMax?: number } = {},
): Promise<ReplaySummary> {
  const signal = changes.signal ?? new AbortController().signal;
  const connection = { endpoint: at.endpoint, apiKey: 'key', connectionsMax: 4, random: () => 0.5, signal };
  const buyer = shopClient({ ...connection, triesMax: 4, retryDelayMs: 1, ...client });
  try {
    const tokens = { accepted: 'tok_ok', declined: ['tok_no'] };
    const rest = { ratePerSecond: 0, concurrency: 4, waitMs: 5_000, tokens, newId: newUuid, signal };
    return await runReplay({ shop: buyer, orders, ...rest, ...changes });
  } finally {
    await buyer.close();
  }
}
