import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../src/main/api.ts';
import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import { databaseUrlOf, readRuntime } from '../src/main/runtime.ts';
import { connect, type Database } from '../src/shared/postgres/client.ts';
import { isAlive } from '../src/shared/postgres/embedded-cluster.ts';
import { prefix } from '../src/storefront-api/ucp/v2026-04-08/version.ts';
import { startApiOnce } from './api-start.ts';
import { checkPromises } from './checks.ts';
import type { Ground } from './ground.ts';
import { completePayment } from './http-load.ts';
import { pause } from './load.ts';
import { type Memory, memoryOf } from './memory.ts';
import { median } from './percentiles.ts';
import type { Section } from './section.ts';
import { wantAtMost } from './want.ts';

const firstStarts = 2;
const secondStartsEach = 2;
const apiStarts = 3;
const secondWantedMs = 3_000;
const apiWantedMs = 500;
const orders = 500;
const buyers = 8;
const answerWithinMs = 60_000;

/** Time from the command to its first answer, and the memory of everything that it starts. */
export async function measureStart(ground: Ground): Promise<Section> {
  const apiMs: number[] = [];
  for (let round = 0; round < apiStarts; round += 1) apiMs.push(await startApiOnce(ground.url));
  const firstMs: number[] = [];
  const secondMs: number[] = [];
  let memory: { idle: Memory | null; after: Memory | null } = { idle: null, after: null };
  for (let round = 0; round < firstStarts; round += 1) {
    const folder = await mkdtemp(join(tmpdir(), 'onetill-bench-start-'));
    const dataDir = join(folder, 'data');
    try {
      firstMs.push(await startOnce(dataDir, async () => {}));
      for (let again = 0; again < secondStartsEach; again += 1) {
        const isLast = round === firstStarts - 1 && again === secondStartsEach - 1;
        secondMs.push(
          await startOnce(dataDir, async (started) => {
            if (isLast) memory = await weighed(started);
          }),
        );
      }
    } finally {
      await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    }
  }
  return section({ firstMs: median(firstMs), secondMs: median(secondMs), apiMs: median(apiMs) }, memory);
}

type Times = { readonly firstMs: number; readonly secondMs: number; readonly apiMs: number };

function section({ firstMs, secondMs, apiMs }: Times, memory: { idle: Memory | null; after: Memory | null }): Section {
  const mib = (one: Memory | null, what: 'nodeMib' | 'postgresMib') => (one === null ? '–' : one[what].toFixed(0));
  const all = (one: Memory | null) => (one === null ? '–' : (one.nodeMib + one.postgresMib).toFixed(0));
  const weigh = (name: string, one: Memory | null) => [
    name,
    `${all(one)} MiB (Node ${mib(one, 'nodeMib')}, PostgreSQL ${mib(one, 'postgresMib')})`,
  ];
  return {
    name: 'start',
    title: 'npm start',
    columns: ['', 'here'],
    rows: [
      ['first start, to the first answer', `${(firstMs / 1000).toFixed(2)} s`],
      ['second start, to the first answer', `${(secondMs / 1000).toFixed(2)} s`],
      ['onetill api by itself, to ready', `${apiMs.toFixed(0)} ms`],
      weigh('memory, idle', memory.idle),
      weigh(`memory, after ${orders} orders`, memory.after),
    ],
    wants: [
      wantAtMost('second start, to the first answer', secondWantedMs, secondMs, ' ms'),
      wantAtMost('onetill api, to ready', apiWantedMs, apiMs, ' ms'),
    ],
    notes: [
      `From spawning \`npm start\` to the first 200 of GET /products, asked every 10 ms; medians of
      ${firstStarts} first and ${firstStarts * secondStartsEach} second starts. Dependencies are installed
      already. The first start makes the database, the schema and the catalogue. \`onetill api\` is spawned without
      npm, on a database that is there, and asked for /readyz; median of ${apiStarts}.`,
      `Memory is the ${memory.idle?.kind ?? 'RSS'} of the Node process (API, worker, sweeper and simulator in
      one) and of PostgreSQL with its ${(memory.idle?.processes ?? 2) - 1} processes when idle; npm's own is
      left out. The orders are bought over HTTP by ${buyers} buyers, and weighed once all are confirmed.`,
    ],
    figures: { firstMs, secondMs, apiMs, memory, orders },
  };
}

type Started = { readonly dataDir: string; readonly url: string };

/** Starts, waits for the first answer, does something with it, stops. Answers the milliseconds to the first answer. */
async function startOnce(dataDir: string, use: (started: Started) => Promise<void>): Promise<number> {
  const port = await freePort('127.0.0.1');
  const url = `http://127.0.0.1:${port}`;
  const { npm_lifecycle_event: _, DATABASE_URL: __, PORT: ___, ...environment } = process.env;
  const options = ['--data', dataDir, '--port', `${port}`, '--provider-port', '0', '--quiet'];
  const startedMs = performance.now();
  const child = spawn('npm', ['start', '--silent', '--', ...options], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: environment,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  child.once('error', () => {});
  try {
    await firstAnswer(`${url}/products?limit=1`, child);
    const tookMs = performance.now() - startedMs;
    await use({ dataDir, url });
    return tookMs;
  } finally {
    const runtime = await eventually(() => readRuntime(dataDir));
    if (runtime === null) child.kill('SIGTERM');
    else process.kill(runtime.pid, 'SIGTERM');
    await ended;
    const pid = await postmasterPid(dataDir);
    if (pid > 0 && isAlive(pid)) process.kill(pid, 'SIGQUIT');
  }
}

async function firstAnswer(url: string, child: ChildProcess): Promise<void> {
  const deadlineMs = performance.now() + answerWithinMs;
  while (performance.now() < deadlineMs) {
    if (child.exitCode !== null) throw new Error(`npm start ended with ${child.exitCode} before it answered`);
    const response = await fetch(url, { headers: { 'x-api-key': demoMerchant.apiKey } }).catch(() => null);
    await response?.arrayBuffer();
    if (response?.status === 200) return;
    await pause(10);
  }
  throw new Error(`npm start did not answer within ${answerWithinMs / 1000} s`);
}

async function weighed({ dataDir, url }: Started): Promise<{ idle: Memory | null; after: Memory | null }> {
  const runtime = await eventually(() => readRuntime(dataDir));
  const databaseUrl = runtime === null ? null : await databaseUrlOf(runtime);
  if (runtime === null || databaseUrl === null) throw new Error('npm start did not say where it runs');
  const settleMs = 3_000;
  await pause(settleMs);
  const postmaster = await postmasterPid(dataDir);
  const idle = memoryOf(runtime.pid, postmaster);
  await Promise.all(Array.from({ length: buyers }, (_, buyer) => buyMany(url, buyer)));
  const database = connect({ url: databaseUrl, applicationName: 'onetill bench', connectionsMax: 1, addsUp: true });
  try {
    await allConfirmed(database);
    await pause(settleMs);
    const after = memoryOf(runtime.pid, postmaster);
    await checkPromises(database, demoMerchant.merchantId, orders);
    return { idle, after };
  } finally {
    await database.close();
  }
}

async function buyMany(url: string, buyer: number): Promise<void> {
  const headers = { 'x-api-key': demoMerchant.apiKey, 'content-type': 'application/json' };
  const post = async (path: string, body: unknown, key: string) => {
    const response = await fetch(`${url}${prefix}/checkout-sessions${path}`, {
      method: 'POST',
      headers: { ...headers, 'idempotency-key': key },
      body: JSON.stringify(body),
    });
    const answer = (await response.json()) as { id: string };
    if (!response.ok) throw new Error(`${path} was answered with ${response.status}: ${JSON.stringify(answer)}`);
    return answer;
  };
  const listed = await fetch(`${url}/products?in_stock=true&limit=100`, { headers });
  const { products } = (await listed.json()) as { products: readonly { sku: string }[] };
  for (let turn = buyer; turn < orders; turn += buyers) {
    const { id } = await post('', draft(products[turn % products.length]?.sku ?? '', turn), `open-${turn}`);
    await post(`/${id}/complete`, completePayment, `complete-${turn}`);
  }
}

const draft = (sku: string, turn: number) => ({
  line_items: [{ item: { id: sku }, quantity: 1 }],
  buyer: { first_name: 'Ada', last_name: 'Byron', email: `ada-${turn}@example.com` },
  fulfillment: {
    methods: [
      {
        type: 'shipping',
        destinations: [{ id: 'home', street_address: '1 High St', address_locality: 'London', address_country: 'GB' }],
        selected_destination_id: 'home',
        groups: [{ selected_option_id: 'standard' }],
      },
    ],
  },
});

async function allConfirmed(database: Database): Promise<void> {
  const done = await eventually(async () => {
    const rows = await database.query<{ count: number }>({
      text: `select count(*)::integer as count from orders where status = 'confirmed'`,
    });
    return rows[0]?.count === orders ? true : null;
  });
  if (done === null) throw new Error(`not all of ${orders} orders were confirmed in time`);
}

async function postmasterPid(dataDir: string): Promise<number> {
  const text = await readFile(join(dataDir, 'postgres', 'postmaster.pid'), 'utf8').catch(() => '0');
  return Number(text.split('\n')[0]);
}

async function eventually<T>(ask: () => Promise<T | null>): Promise<T | null> {
  const waitMsMax = 30_000;
  const pollMs = 50;
  for (let waitedMs = 0; waitedMs < waitMsMax; waitedMs += pollMs) {
    const answer = await ask();
    if (answer !== null) return answer;
    await pause(pollMs);
  }
  return null;
}
