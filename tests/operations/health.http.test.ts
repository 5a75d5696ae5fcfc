import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Message } from '../../src/messaging/message.ts';
import { startHealthServer } from '../../src/operations/health.http.ts';
import { createMetrics, type Metrics } from '../../src/operations/metrics.run.ts';
import { metricCatalogue, metricNames } from '../../src/operations/metrics.ts';
import { createReadiness } from '../../src/operations/readiness.run.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { silentLogger } from '../../src/shared/log.ts';
import { connect, type Database } from '../../src/shared/postgres/client.ts';
import { migrate } from '../../src/shared/postgres/migrate.ts';
import { type DurableServer, startDurableServer } from '../harness/durable-server.ts';
import { openWorld, type TestWorld } from '../harness/world.ts';

const migrationsDirectory = fileURLToPath(new URL('../../migrations', import.meta.url));
/** Longer than what is read from the database is kept. */
const keptMs = 1_100;

let world: TestWorld;
/** The probes want a server that keeps what it commits, as the one of the run does not. */
let durable: DurableServer;
let kept: Database;
let metrics: Metrics;
let server: Awaited<ReturnType<typeof startHealthServer>>;
let isStopping = false;
let endedLoops: string[] = [];
beforeAll(async () => {
  [world, durable] = await Promise.all([openWorld({ PLENTY: 1_000 }, { webhooks: 'never' }), startDurableServer()]);
  const url = await durable.createDatabase();
  kept = connect({ url, applicationName: 'tests', connectionsMax: 2 });
  await migrate(kept, { directory: migrationsDirectory });
  metrics = createMetrics({
    database: world.database,
    process: 'worker',
    circuits: () => [{ party: 'payment-provider', circuit: 'open' }],
  });
  server = await startHealthServer({
    port: 0,
    host: '127.0.0.1',
    log: silentLogger,
    newId: newUuid,
    health: {
      metrics,
      readiness: createReadiness({ database: kept, migrationsDirectory, endedLoops: () => endedLoops }),
      isStopping: () => isStopping,
    },
  });
});
afterAll(async () => {
  await server?.stop();
  await kept?.close();
  await Promise.all([world?.stop(), durable?.stop()]);
});

async function ask(path: string): Promise<{ status: number; type: string | null; text: string }> {
  const answer = await fetch(`http://127.0.0.1:${server.port}${path}`);
  return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
}

/** The value of one series, or null. Labels are matched in any order. */
function seriesOf(text: string, name: string, labels: Record<string, string>): number | null {
  for (const line of text.split('\n')) {
    if (!line.startsWith(`${name}{`)) continue;
    if (Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`))) {
      return Number(line.slice(line.lastIndexOf(' ')));
    }
  }
  return null;
}

const later = () => new Promise((resolve) => setTimeout(resolve, keptMs));

describe('probes', () => {
  test('a process that turns is alive, and one with its schema is ready', async () => {
    expect(await ask('/livez')).toMatchObject({ status: 200, text: '{"status":"alive"}' });
    const ready = await ask('/readyz');
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.text)).toEqual({
      status: 'ready',
      checks: [
        { name: 'database', ok: true, found: 'reachable' },
        { name: 'schema', ok: true, found: 'up to date' },
        { name: 'durability', ok: true, found: 'on' },
        { name: 'loops', ok: true, found: 'turn' },
      ],
    });
  });

  test('a process of which a loop has ended unasked is not ready', async () => {
    endedLoops = ['worker'];
    await later();
    const { status, text } = await ask('/readyz');
    endedLoops = [];
    await later();
    expect(status).toBe(503);
    expect(JSON.parse(text).checks).toContainEqual({ name: 'loops', ok: false, found: 'ended: worker' });
  });

  test('a server that may forget what it has committed is not ready for orders', async () => {
    const { checks, ready } = await createReadiness({ database: world.database, migrationsDirectory })();
    expect(ready).toBe(false);
    expect(checks).toContainEqual({
      name: 'durability',
      ok: false,
      found: 'fsync is off, full_page_writes is off, synchronous_commit is off',
    });
  });

  test('a process that is being stopped asks for no more work', async () => {
    isStopping = true;
    expect(await ask('/readyz')).toMatchObject({ status: 503 });
    expect(await ask('/livez')).toMatchObject({ status: 200 });
    isStopping = false;
  });

  test('a schema that is behind or ahead is not ready', async () => {
    await kept.execute({ text: `insert into schema_migrations (name) values ('9999-from-the-future')` });
    const ahead = await createReadiness({ database: kept, migrationsDirectory })();
    await kept.execute({ text: `delete from schema_migrations where name = '9999-from-the-future'` });
    expect(ahead.ready).toBe(false);
    expect(ahead.checks).toContainEqual({ name: 'schema', ok: false, found: expect.stringContaining('ahead') });
    const rename = (from: string, to: string) =>
      kept.execute({ text: 'update schema_migrations set name = $2 where name = $1', values: [from, to] });
    await rename('0001-first-order', '9999-other');
    const behind = await createReadiness({ database: kept, migrationsDirectory })();
    await rename('9999-other', '0001-first-order');
    expect(behind.checks[1]?.found).toBe('1 migration behind: run onetill migrate');
  });

  test('a schema that another text has made is not ready', async () => {
    const spoil = 'update schema_migrations set up_sha256 = translate(up_sha256, $1, $2) where name = $3';
    await kept.execute({ text: spoil, values: ['0123456789abcdef', '123456789abcdef0', '0001-first-order'] });
    const changed = await createReadiness({ database: kept, migrationsDirectory })();
    await kept.execute({ text: spoil, values: ['123456789abcdef0', '0123456789abcdef', '0001-first-order'] });
    expect(changed).toMatchObject({ ready: false });
    expect(changed.checks[1]?.found).toBe('1 migration changed since they were applied');
  });

  test('a database that is away makes a process unready, without a word about where it is', async () => {
    const away = connect({ url: 'postgres://u:secret@127.0.0.1:1/x', applicationName: 'tests', connectionsMax: 1 });
    const readiness = await createReadiness({ database: away, migrationsDirectory })();
    expect(readiness).toMatchObject({
      ready: false,
      checks: [{ name: 'database', ok: false, found: 'not reachable' }, {}, {}],
    });
    const text = await createMetrics({ database: away, process: 'api' }).text();
    expect(seriesOf(text, 'onetill_database_readable', { process: 'api' })).toBe(0);
    expect(seriesOf(text, 'onetill_orders_open', { status: 'pending' })).toBeNull();
    expect(text).toContain('process_cpu_seconds_total');
    await away.close();
  });
});

describe('metrics', () => {
  test('the age of what waits is told first, per queue and per state, and is 0 where nothing waits', async () => {
    await later();
    const orderId = await world.place('tok_ok');
    await world.database.execute({
      text: `update messages set available_at = now() - interval '40 seconds' where order_id = $1`,
      values: [orderId],
    });
    await world.database.execute({
      text: `update orders set status_since = now() - interval '50 seconds' where order_id = $1`,
      values: [orderId],
    });
    const { status, type, text } = await ask('/metrics');
    expect(status).toBe(200);
    expect(type).toContain('text/plain; version=0.0.4');
    const waits = 'onetill_queue_oldest_first_attempt_age_seconds';
    expect(Math.floor(seriesOf(text, waits, { queue: 'screening', process: 'worker' }) ?? 0)).toBe(40);
    expect(seriesOf(text, waits, { queue: 'payments' })).toBe(0);
    expect(Math.floor(seriesOf(text, 'onetill_orders_oldest_age_seconds', { status: 'pending' }) ?? 0)).toBe(50);
    expect(seriesOf(text, 'onetill_orders_oldest_age_seconds', { status: 'cancelling' })).toBe(0);
    expect(seriesOf(text, 'onetill_queue_messages', { queue: 'screening', state: 'ready' })).toBe(1);
    expect(seriesOf(text, 'onetill_dead_letters_open', { queue: 'payments' })).toBe(0);
    expect(seriesOf(text, 'onetill_inbox_open', { kind: 'fraud_review' })).toBe(0);
    expect(seriesOf(text, 'onetill_outbound_circuit', { party: 'payment-provider', state: 'open' })).toBe(1);
    expect(seriesOf(text, 'onetill_outbound_circuit', { party: 'payment-provider', state: 'closed' })).toBe(0);
    expect(seriesOf(text, 'onetill_database_readable', {})).toBe(1);
    expect(text).not.toContain(orderId);
  });

  test('within a second the database is read once, however many scrape', async () => {
    await later();
    const statements: string[] = [];
    const counting = createMetrics({
      process: 'api',
      database: {
        ...world.database,
        transaction: (work) => {
          statements.push('read');
          return world.database.transaction(work);
        },
      },
    });
    await Promise.all([counting.text(), counting.text(), counting.text()]);
    await counting.text();
    expect(statements).toEqual(['read']);
    await later();
    await counting.text();
    expect(statements).toEqual(['read', 'read']);
  });

  test('what a process does is counted, and what others make up becomes no series', async () => {
    const message: Message = {
      messageId: newUuid(),
      queue: 'payments',
      type: 'authorise-payment',
      schemaVersion: 1,
      merchantId: 'demo',
      orderId: null,
      idempotencyKey: 'k',
      payload: {},
      traceparent: null,
      attempt: 1,
      firstEnqueuedAt: new Date(),
      firstWaitMs: 30,
      leaseId: newUuid(),
    };
    metrics.onTaken(message);
    metrics.onHandled(message, 'done', 12);
    metrics.onHandled({ ...message, type: 'made up' }, 'dead', 1);
    metrics.onAnswered({ method: 'POST', route: '/products', status: 200, durationMs: 3 });
    metrics.onAnswered({ method: 'BREW', route: 'none', status: 404, durationMs: 1 });
    metrics.onCall({ party: 'payment-provider', outcome: { kind: 'unknown', reason: 'timeout' }, durationMs: 9 });
    metrics.onCall({
      party: 'payment-provider',
      outcome: { kind: 'reply', status: 402, headers: {}, body: '' },
      durationMs: 9,
    });
    metrics.onCommitted('committed');
    metrics.onSwept('overdue-orders', 3);
    const text = await metrics.text();
    const counts: [string, Record<string, string>, number][] = [
      ['onetill_messages_handled_total', { queue: 'payments', type: 'authorise-payment', result: 'done' }, 1],
      ['onetill_messages_handled_total', { type: 'unknown', result: 'dead' }, 1],
      ['onetill_message_duration_seconds_count', { type: 'authorise-payment' }, 1],
      ['onetill_message_first_wait_seconds_bucket', { le: '0.05', queue: 'payments' }, 1],
      ['onetill_http_request_duration_seconds_count', { method: 'POST', route: '/products', status: '200' }, 1],
      ['onetill_http_request_duration_seconds_count', { method: 'other', route: 'none' }, 1],
      ['onetill_outbound_call_duration_seconds_count', { outcome: 'timeout' }, 1],
      ['onetill_outbound_call_duration_seconds_count', { outcome: '4xx' }, 1],
      ['onetill_commits_total', { outcome: 'committed' }, 1],
      ['onetill_sweeper_found_total', { task: 'overdue-orders' }, 3],
    ];
    for (const [name, labels, value] of counts)
      expect([name, labels, seriesOf(text, name, labels)]).toEqual([name, labels, value]);
    expect(text).not.toContain('made up');
    expect(text).not.toContain('BREW');
  });

  test('every metric of the catalogue is served, and labels are never ids, names or addresses', async () => {
    const text = await metrics.text();
    for (const name of metricNames) {
      expect(text).toContain(`# HELP ${name} ${metricCatalogue[name].help}`);
      expect(metricCatalogue[name].labels.filter((label) => /id$|name|mail|order$|sku|url/.test(label))).toEqual([]);
    }
  });
});
