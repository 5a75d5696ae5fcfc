import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { replayDefaults, replayInvoices } from '../../src/operations/replay.cli.ts';
import { shopClient } from '../../src/operations/replay.client.ts';
import { type ReplayOptions, runReplay } from '../../src/operations/replay.run.ts';
import type { PlannedOrder } from '../../src/operations/replay-plan.ts';
import { percentile, type ReplaySummary, renderReplay, replayExitCode } from '../../src/operations/replay-summary.ts';
import { isRefused } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { onetill } from '../operations/captured.ts';
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

describe('a replay that cannot buy anything', () => {
  const signal = new AbortController().signal;
  const file = fileURLToPath(new URL('../../data/online-retail/online-retail-40k.csv.gz', import.meta.url));
  const command = { ...replayDefaults, file, apiKey: 'key', orders: 3, signal };

  test('a key that the shop does not know is said in one sentence before anything is tried', async () => {
    shop = await startFakeShop({ apiKey: 'another' });
    const refused = await replayInvoices({ ...command, endpoint: shop.endpoint });
    expect(refused).toMatchObject({
      refused: true,
      code: 'api_key_unknown',
      message: expect.stringContaining('--api-key'),
    });
    expect(shop.checkouts.size).toBe(0);
  });

  test('a URL at which there is no shop, and one where nobody answers, are told apart', async () => {
    const other = createServer((_request, response) => void response.writeHead(404).end('{"error":{}}'));
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(other.address() as AddressInfo).port}/ucp`;
    const noShop = await replayInvoices({ ...command, endpoint });
    expect(noShop).toMatchObject({ refused: true, message: expect.stringContaining('is no shop (HTTP 404)') });
    other.closeAllConnections();
    await new Promise((resolve) => other.close(resolve));
    const nobody = await replayInvoices({ ...command, endpoint });
    expect(nobody).toMatchObject({
      refused: true,
      code: 'unavailable',
      message: expect.stringContaining('ECONNREFUSED'),
    });
    for (const bad of ['nowhere', 'ftp://127.0.0.1/ucp']) {
      expect(await replayInvoices({ ...command, endpoint: bad })).toMatchObject({ code: 'input_invalid' });
    }
  });

  test('the command line gives such a replay an exit code, and names the option that helps', async () => {
    const away = await onetill(null, ['replay', '--orders', '1', '--url', 'http://127.0.0.1:1']);
    expect(away).toMatchObject({ exitCode: 1, out: '', err: expect.stringContaining('--url URL') });
    const stopped = await onetill(null, ['replay', '--data', '/nowhere/onetill']);
    expect(stopped).toMatchObject({ exitCode: 1, err: expect.stringContaining('with --data DIR or --url URL.') });
    expect(stopped.err).not.toContain('--database-url');
  });

  test('orders of which not one could be begun make the exit code 1, though each has its answer', async () => {
    shop = await startFakeShop({ apiKey: 'another' });
    const summary = await replay(shop, [order(1), order(2)]);
    expect(summary).toMatchObject({ ended: 2, unknown: {}, refused: { api_key_unknown: 2 } });
    expect(replayExitCode(summary)).toBe(1);
  });
});

test('a replay off a terminal says every now and then how far it is, also while it waits', async () => {
  shop = await startFakeShop();
  shop.byToken.set('tok_ok', 'hang');
  const lines: string[] = [];
  const summary = await replayInvoices({
    ...replayDefaults,
    file: fileURLToPath(new URL('../../data/online-retail/online-retail-40k.csv.gz', import.meta.url)),
    endpoint: shop.endpoint,
    apiKey: 'key',
    orders: 20,
    ratePerSecond: 40,
    waitMs: 700,
    signal: new AbortController().signal,
    progress: { everyMs: 50, show: (line) => lines.push(line) },
  });
  expect(isRefused(summary)).toBe(false);
  expect(lines).toContainEqual(expect.stringMatching(/^\[#+\.+\] \d+\/20 · /));
  expect(lines.at(-1)).toMatch(/^all is bought; waiting for \d+ orders to end/);
  const count = lines.length;
  await new Promise((resolve) => setTimeout(resolve, 150));
  expect(lines).toHaveLength(count);
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
