import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { newUuid } from '../../src/shared/ids.ts';
import { request } from '../contracts/provider-under-test.ts';
import { connectTo, controlSecret, startSimulator, temporaryFolder } from '../contracts/simulator.ts';
import { createTestDatabase } from '../harness/database.ts';
import { seedShop } from '../harness/shop.ts';
import { openWorld } from '../harness/world.ts';
import {
  authorisationsOfBooks,
  authorisationsOfLines,
  collectTables,
  collectTexts,
  fetchAuthorisations,
  rememberMessages,
} from './collect.ts';
import { createHistory } from './history.ts';
import { createRecordingClient } from './recording-client.ts';

const stops: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

test('all rows of all tables are collected, however many pages they fill', async () => {
  const scratch = await createTestDatabase();
  stops.push(() => scratch.drop());
  await seedShop(scratch.database, {});
  await scratch.database.execute({
    text: `
      insert into products (merchant_id, sku, title, price_minor, currency)
      select 'demo', 'sku-' || n, 'Product', 255, 'GBP' from generate_series(1, 12345) n`,
  });
  await scratch.database.execute({
    text: `
      insert into stock (merchant_id, sku, received_units)
      select 'demo', 'sku-' || n, n from generate_series(1, 12345) n`,
  });
  const { ours, takenAt } = await collectTables(scratch.database);
  expect(ours.stock).toHaveLength(12_345);
  expect(ours.stock.reduce((sum, { received_units }) => sum + received_units, 0n)).toBe((12_345n * 12_346n) / 2n);
  expect(Object.keys(ours)).toHaveLength(19);
  expect(ours.messages_written).toBeUndefined();
  expect(takenAt).toBeInstanceOf(Date);
});

test('what is collected has the types that the judges are promised, and holds what was committed', async () => {
  const world = await openWorld({ PLENTY: 100 });
  stops.push(() => world.stop());
  await rememberMessages(world.database);
  await rememberMessages(world.database);
  await world.start();
  const { orderId } = await world.buy('tok_ok');
  const { ours } = await collectTables(world.database);
  expect(ours.orders).toMatchObject([{ order_id: orderId, status: 'confirmed', total_minor: 905n, deadline_at: null }]);
  expect(ours.commit_keys[0]?.request_sha256).toBeInstanceOf(Uint8Array);
  expect(ours.quotes[0]?.content).toMatchObject({ totalMinor: '905' });
  const written = ours.messages_written ?? [];
  expect(written.map(({ type }) => type)).toEqual(expect.arrayContaining(['screen-for-fraud', 'confirm-order']));
  const texts = await collectTexts(world.database);
  expect(texts.find(({ where }) => where === 'payments')?.text).toContain('tok_ok');
  const [entry] = authorisationsOfBooks(world.simulated.books);
  expect(entry).toMatchObject({ key: `${orderId}-authorise`, status: 'authorised', amountMinor: 905n, captures: 0 });
});

test('the books of a simulator are read whole, or not at all', async () => {
  const folder = await temporaryFolder();
  const simulator = await startSimulator(join(folder.path, 'books'));
  const { provider, outbound } = connectTo(simulator.url);
  stops.push(
    () => folder.remove(),
    () => simulator.stop(),
    () => outbound.stop(),
  );
  for (const key of ['a', 'b', 'c']) await provider.authorise(request(key));
  const found = await fetchAuthorisations(simulator.url, controlSecret);
  expect(found.map(({ key, status, amountMinor }) => [key, status, amountMinor])).toEqual(
    ['a', 'b', 'c'].map((key) => [key, 'authorised', 1_250n]),
  );
  expect(() => authorisationsOfLines('{"type":"totals","authorisations":1}\n')).toThrow(
    'count 1 authorisations, and 0',
  );
  expect(() => authorisationsOfLines('')).toThrow('0 were read');
  await expect(fetchAuthorisations(simulator.url, 'wrong')).rejects.toThrow('HTTP 401');
});

test('a client writes a lost answer down as unknown, asks again only when told to, and never throws', async () => {
  const seen: string[] = [];
  const server = createServer((incoming, reply) => {
    seen.push(`${incoming.url} ${incoming.headers['idempotency-key']} ${incoming.headers.prefer}`);
    if (seen.length === 1) incoming.socket.destroy();
    if (seen.length === 2) reply.writeHead(500).end('{}');
    if (seen.length === 3) reply.writeHead(200).end('nonsense');
    if (seen.length === 4) reply.writeHead(409).end('{"code":"checkout_not_open"}');
    // The fifth is never answered.
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  let origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const history = createHistory();
  const client = createRecordingClient({ origin: () => origin, apiKey: 'key', client: 'one', history, timeoutMs: 300 });
  const checkout = { checkoutId: newUuid(), version: 1, totalMinor: 5n, status: 'ready_for_complete' };
  const ask = { key: 'k', token: 'tok_ok', pauseMs: 1 };
  const told = await client.complete(checkout, { ...ask, triesMax: 9 });
  expect(told.outcome).toMatchObject({ kind: 'refused', code: 'checkout_not_open' });
  expect(seen).toEqual(
    Array(4).fill(`/ucp/v2026-04-08/checkout-sessions/chk_${checkout.checkoutId}/complete k undefined`),
  );
  expect((await client.complete(checkout, ask)).outcome).toMatchObject({ kind: 'unknown', reason: 'TimeoutError' });
  origin = 'http://127.0.0.1:1';
  expect((await client.read(checkout.checkoutId)).outcome).toMatchObject({ kind: 'unknown' });
  const calls = history.calls();
  expect(calls.map(({ outcome }) => outcome.kind)).toEqual([
    'unknown',
    'unknown',
    'unknown',
    'refused',
    'unknown',
    'unknown',
  ]);
  expect(new Set(calls.slice(0, 5).map(({ requestSha256 }) => requestSha256)).size).toBe(1);
  expect(calls[0]).toMatchObject({
    operation: 'complete',
    idempotencyKey: 'k',
    seenTotalMinor: 5n,
    saysVersion: false,
  });
});
