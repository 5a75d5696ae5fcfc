import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildApi, buildHandlers, buildWorker } from '../../src/main/wiring.ts';
import { queueNames } from '../../src/messaging/queues.ts';
import { createWaker } from '../../src/messaging/waker.run.ts';
import { createLogger } from '../../src/shared/log.ts';
import type { Database } from '../../src/shared/postgres/client.ts';
import { Secret } from '../../src/shared/secret.ts';
import { apiKey, connectTo, startSimulator, temporaryFolder, webhookSecret } from '../contracts/simulator.ts';
import { createTestDatabase } from '../harness/database.ts';
import { eventually, quickQueues, quickTimings, seedShop } from '../harness/shop.ts';
import { atRest } from '../harness/world.ts';
import { type Answer, type Ask, callAs, ucp } from '../storefront-api/test-storefront.ts';
import { draft, payment } from '../storefront-api/ucp-requests.ts';

let database: Database;
let url: string;
let logPath: string;
const stops: (() => Promise<unknown>)[] = [];

/** The API, a worker and the provider over HTTP, as they are wired for production, with all that they log in a file. */
beforeAll(async () => {
  const folder = await temporaryFolder();
  const scratch = await createTestDatabase();
  database = scratch.database;
  await seedShop(database, { '85123A': 1_000 });
  logPath = join(folder.path, 'log');
  const fileDescriptor = openSync(logPath, 'a');
  const log = createLogger({ process: 'tests', level: 'debug', fileDescriptor });
  const built = { database, waker: createWaker(database, () => {}), log };
  const inbound = buildApi(built, {
    publicUrl: 'http://localhost:8080',
    shopUrl: 'https://shop.example',
    publicMerchantId: null,
    webhookSources: [{ provider: 'simulated', secrets: [new Secret(webhookSecret)] }],
  });
  url = await inbound.server.listen({ host: '127.0.0.1', port: 0 });
  const simulator = await startSimulator(join(folder.path, 'books'), {
    webhookUrl: `${url}/webhooks/simulated`,
    webhookRetryMs: 50,
  });
  const { provider, outbound } = connectTo(simulator.url, { totalTimeoutMs: 400 });
  const handlers = buildHandlers(built, { providers: [provider], timings: quickTimings, actor: 'worker under test' });
  const worker = buildWorker(built, {
    handlers,
    queues: queueNames,
    name: 'worker under test',
    pollMs: 50,
    settings: quickQueues(),
  });
  stops.push(
    () => worker.stop(),
    () => simulator.stop(),
    () => outbound.stop(),
    () => inbound.drain(1_000),
    () => scratch.drop(),
    async () => closeSync(fileDescriptor),
    () => folder.remove(),
  );
});
afterAll(async () => {
  for (const stop of stops.splice(0)) await stop();
});

const call = (method: string, path: string, ask: Ask = {}): Promise<Answer> =>
  callAs('key-shop', url, method, path, ask);

/** Every row of every table as text, and everything that was logged. */
async function everything(): Promise<{ where: string; text: string }[]> {
  const tables = await database.query<{ name: string }>({
    text: `select quote_ident(tablename) as name from pg_tables where schemaname = 'public' limit 100`,
  });
  expect(tables.length).toBeGreaterThan(15);
  const dumps = await Promise.all(
    tables.map(async ({ name }) => {
      const rows = await database.query<{ text: string }>({
        text: `select to_jsonb(t)::text as text from ${name} t limit 100000`,
      });
      return { where: name, text: rows.map((row) => row.text).join('\n') };
    }),
  );
  return [...dumps, { where: 'log', text: readFileSync(logPath, 'utf8') }];
}

async function placesOf(words: readonly string[]): Promise<string[]> {
  const found = (await everything()).flatMap(({ where, text }) =>
    words.filter((each) => text.includes(each)).map(() => where),
  );
  return [...new Set(found)].sort();
}

async function buy(token: string): Promise<string> {
  const opened = await call('POST', `${ucp}/checkout-sessions`, { body: draft });
  const completed = await call('POST', `${ucp}/checkout-sessions/${opened.body.id}/complete`, {
    body: payment(token),
    headers: { 'idempotency-key': crypto.randomUUID() },
  });
  expect(completed.status).toBeLessThan(300);
  return opened.body.id as string;
}

const digits = '4000056655665556';
const arabic = digits.replace(/\d/g, (digit) => String.fromCodePoint(0x660 + Number(digit)));
const forms = [digits, '4000 0566 5566 5556', '4000-0566-5566-5556', `my card ${digits} 12/30`, Number(digits)];
const disguises = [`card${digits}x`, '4000.0566.5566.5556', [...digits].join('\u200b'), arabic];
const traces = [digits, '4000 0566', '4000-0566', '5566 5556', '4000.0566', '4\u200b0', arabic];

/** The value with the planted one in place of its n-th leaf; null when there is no such leaf. */
function plant(value: unknown, planted: unknown, place: { left: number }): unknown {
  if (typeof value !== 'object' || value === null) {
    place.left -= 1;
    return place.left === -1 ? planted : value;
  }
  if (Array.isArray(value)) return value.map((each) => plant(each, planted, place));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plant(each, planted, place)]));
}

function* spoiled(body: unknown): Generator<unknown> {
  for (const form of forms) {
    for (let index = 0; ; index += 1) {
      const place = { left: index };
      const made = plant(body, form, place);
      if (place.left >= 0) break;
      yield made;
    }
  }
  // How a text is disguised does not depend on its place.
  for (const form of [...forms, ...disguises]) {
    yield { ...(body as object), surplus: { deep: [form] } };
    yield { ...(body as object), [String(form)]: 1 };
  }
}

test('a card number in any field of any request is refused, and is found nowhere at rest or in logs', async () => {
  const opened = await call('POST', `${ucp}/checkout-sessions`, { body: draft });
  const session = `${ucp}/checkout-sessions/${opened.body.id}`;
  const asks: [string, string, unknown][] = [
    ['POST', `${ucp}/checkout-sessions`, draft],
    ['PUT', session, { ...draft, id: opened.body.id }],
    ['POST', `${session}/complete`, payment('tok_ok')],
    [
      'POST',
      '/webhooks/simulated',
      { id: 'evt_1', type: 'authorisation.authorised', data: { id: 'a', reference: 'b' } },
    ],
  ];
  let count = 0;
  for (const [method, path, body] of asks) {
    for (const made of spoiled(body)) {
      const headers = { 'idempotency-key': crypto.randomUUID() };
      const answer = await call(method, path, { body: made, headers });
      expect([path, JSON.stringify(made), answer.status]).toEqual([path, JSON.stringify(made), 422]);
      for (const trace of traces) expect(answer.text).not.toContain(trace);
      count += 1;
    }
  }
  expect(count).toBeGreaterThan(100);
  for (const name of ['idempotency-key', 'user-agent', 'traceparent', 'x-note', 'ucp-agent', 'request-id', 'referer']) {
    await call('POST', `${ucp}/checkout-sessions`, { body: draft, headers: { [name]: digits } });
  }
  await call('GET', `/products?q=${digits}`);
  await call('GET', `/${digits}?card=${digits}`);
  await callAs(digits, url, 'GET', '/products');
  expect(await placesOf(traces)).toEqual([]);
});

test('amounts and times of a signed webhook may look like card numbers, and its texts may not', async () => {
  const lookAlike = 5_555_555_555_554_444;
  const event = (more: object) => ({
    id: 'evt_1',
    type: 'authorisation.authorised',
    data: { id: 'auth_1', reference: 'ref_1', ...more },
  });
  const post = async (body: object, id: string, secret = webhookSecret): Promise<Answer> => {
    const raw = JSON.stringify(body);
    const at = new Date();
    const headers = {
      'webhook-id': id,
      'webhook-timestamp': String(Math.floor(at.getTime() / 1_000)),
      'webhook-signature': new Webhook(secret).sign(id, at, raw),
    };
    return await call('POST', '/webhooks/simulated', { raw, headers });
  };
  const numbers = event({ amount_minor: lookAlike, created: lookAlike, deep: [{ at: lookAlike }] });
  expect((await post(numbers, 'evt_numbers')).status).toBe(202);
  const forged = await post(numbers, 'evt_forged', `whsec_${Buffer.alloc(32, 7).toString('base64')}`);
  expect([forged.status, forged.body.code]).toEqual([401, 'signature_invalid']);
  for (const [body, id] of [
    [event({ note: String(lookAlike) }), 'evt_text'],
    [event({ [String(lookAlike)]: 1 }), 'evt_name'],
    [event({}), String(lookAlike)],
  ] as const) {
    const refused = await post(body, id);
    expect([id, refused.status, refused.body.code]).toEqual([id, 422, 'card_number_refused']);
  }
  // The headers of a signature open no other route.
  const signed = { 'webhook-id': 'a', 'webhook-timestamp': '1', 'webhook-signature': 'v1,a' };
  const elsewhere = await call('POST', `${ucp}/checkout-sessions`, {
    body: { ...draft, note: lookAlike },
    headers: signed,
  });
  expect(elsewhere.status).toBe(422);
  const kept = await database.query<{ event_id: string }>({
    text: `select event_id from webhooks_received where event_id like 'evt\\_%' or event_id ~ '^5' limit 10`,
  });
  expect(kept.map((row) => row.event_id)).toEqual(['evt_numbers']);
});

test('the token of a payment is with the payment, and in no message, event, answer, audit entry or log', async () => {
  const tokens = [
    'tok_ok.act_and_cut',
    'tok_ok.fail_after.find:nonsense',
    'tok_insufficient_funds',
    'tok_never_heard_of',
  ];
  for (const token of tokens) await buy(token);
  await atRest(database);
  expect(await placesOf(tokens)).toEqual(['payments']);
});

test('no secret of ours is in a table or a log after orders, webhooks and refusals', async () => {
  await buy('tok_ok.authorise:rate_limited');
  await callAs('a-guessed-key', url, 'GET', '/products');
  await call('POST', '/webhooks/simulated', { body: { a: 1 }, headers: { 'webhook-signature': 'v1,forged' } });
  await atRest(database);
  await eventually('webhooks were taken', async () => {
    return (await database.query({ text: 'select 1 from webhooks_received limit 1' })).length === 1;
  });
  const [, webhookKey = ''] = webhookSecret.split('_');
  expect(await placesOf([apiKey, webhookKey, 'key-shop', 'a-guessed-key', 'v1,forged'])).toEqual([]);
});

test('names, addresses and e-mails of buyers are in the quote alone', async () => {
  await buy('tok_ok');
  await atRest(database);
  expect(await placesOf(['ada@example.com', '1 High Street'])).toEqual(['quotes']);
});

test('what is planted in a table or in the log is found by the search of this suite', async () => {
  await database.execute({ text: `create table planted as select 'x 4000056655665556 y' as note` });
  expect(await placesOf(traces)).toEqual(['planted']);
  await database.execute({ text: 'drop table planted' });
  expect((await everything()).find(({ where }) => where === 'log')?.text).toContain('"route"');
});

test('a secret is not printed by any way of printing', () => {
  const secret = new Secret('hunter2-hunter2');
  const printed = [
    String(secret),
    `${secret}`,
    JSON.stringify({ secret, list: [secret] }),
    inspect(secret, { showHidden: true, depth: 9 }),
    inspect({ deep: { secret } }, { showHidden: true, depth: 9 }),
    Object.entries(secret).join(),
    JSON.stringify(structuredClone({ ...secret })),
    String(new Error(`failed with ${secret}`)),
  ].join('\n');
  expect(printed).not.toContain('hunter2');
  expect(printed).toContain('[secret]');
  expect(secret.reveal()).toBe('hunter2-hunter2');
});
