import { spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { Database } from '../src/shared/postgres/client.ts';
import { linesPerOrder, openCheckouts, readAllOffers } from './checkouts.ts';
import { newDice } from './dice.ts';
import { fillShelves, type Ground } from './ground.ts';

/**
 * The measure: transactions written by hand that write the rows of a commit, one order each. They sell the products of
 * a merchant of its own beside ours: as many of them, but with numbers that can be drawn without reading anything.
 */
export type Reference = {
  readonly driver: string;
  /** Runs the orders and answers the rate and the latency of each, in milliseconds. */
  run(clients: number, orders: number): Promise<Run>;
};

export type Run = { readonly orders: number; readonly perSecond: number; readonly latenciesMs: readonly number[] };

export const byHand = 'byhand';
const script = fileURLToPath(new URL('reference.sql', import.meta.url));

export async function prepareReference(ground: Ground, productCount: number): Promise<Reference> {
  const third = Math.floor(productCount / linesPerOrder);
  if (!(await isSeeded(ground.database))) await seed(ground.database, third);
  const offers = await readAllOffers(ground.database, byHand);
  const version = spawnSync('pgbench', ['--version'], { encoding: 'utf8' });
  const hasPgbench = version.status === 0;
  // Numbers never come twice: they are keys. Another part may have run before.
  let next = await nextNumber(ground.database);
  return {
    driver: hasPgbench ? version.stdout.trim() : 'a loop of the Node driver (pgbench is not installed)',
    async run(clients, orders) {
      const base = next;
      const turns = Math.ceil(orders / clients);
      next += turns * clients;
      let opening = base;
      const newId = () => String(opening++).padStart(32, '0');
      await openCheckouts(ground.database, offers, { count: turns * clients, seed: base, merchantId: byHand, newId });
      const numbers = { base, clients, third };
      return await (hasPgbench ? runPgbench : runNode)(ground.url, { ...numbers, turns });
    },
  };
}

type Plan = { readonly base: number; readonly clients: number; readonly third: number; readonly turns: number };

async function isSeeded(database: Database): Promise<boolean> {
  const found = await database.query({ text: 'select 1 from merchants where merchant_id = $1', values: [byHand] });
  return found.length > 0;
}

async function nextNumber(database: Database): Promise<number> {
  const rows = await database.query<{ last: string | null }>({
    text: 'select max(checkout_id::text) as last from checkouts where merchant_id = $1',
    values: [byHand],
  });
  return Number((rows[0]?.last ?? '0').replaceAll('-', '')) + 1;
}

async function seed(database: Database, third: number): Promise<void> {
  await database.execute({
    text: `
      with merchant as (
        insert into merchants (merchant_id, name, currency, country) values ($1, 'By hand', 'GBP', 'GB')
      ), caller as (
        insert into callers (merchant_id, caller_id, name, api_key_sha256)
        values ($1, 'shop', 'By hand', sha256('by-hand'))
      ), numbered as (
        select (shelf * 10000 + product)::text as sku
        from generate_series(1, $3) as shelf cross join generate_series(1, $2) as product
      ), listed as (
        insert into products (merchant_id, sku, title, price_minor, currency)
        select $1, sku, 'WHITE HANGING HEART HOLDER', 255, 'GBP' from numbered
      )
      insert into stock (merchant_id, sku, received_units) select $1, sku, 0 from numbered`,
    values: [byHand, third, linesPerOrder],
  });
  await fillShelves(database, byHand);
}

async function runPgbench(url: string, plan: Plan): Promise<Run> {
  const folder = await mkdtemp(join(tmpdir(), 'onetill-pgbench-'));
  const { hostname, port, username, password, pathname } = new URL(url);
  const variables = { base: plan.base, clients: plan.clients, third: plan.third, turn: 0 };
  const defined = Object.entries(variables).flatMap(([name, value]) => ['-D', `${name}=${value}`]);
  const connection = ['-h', hostname, '-p', port, '-U', decodeURIComponent(username), pathname.slice(1)];
  const load = ['-n', '-M', 'prepared', '-c', `${plan.clients}`, '-j', '1', '-t', `${plan.turns}`, '-f', script];
  try {
    const { code, output } = await runCommand('pgbench', [...load, '-l', ...defined, ...connection], {
      cwd: folder,
      env: { ...process.env, PGPASSWORD: decodeURIComponent(password) },
    });
    const perSecond = Number(/tps = ([\d.]+) \(without initial connection time\)/.exec(output)?.[1]);
    const latenciesMs = await readLogs(folder);
    if (code !== 0 || !(perSecond > 0) || latenciesMs.length !== plan.clients * plan.turns) {
      throw new Error(`pgbench ended with ${code} after ${latenciesMs.length} orders:\n${output}`);
    }
    return { orders: latenciesMs.length, perSecond, latenciesMs };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** One line per transaction: client, number, microseconds, …. */
async function readLogs(folder: string): Promise<number[]> {
  const texts = await Promise.all((await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8')));
  return texts.flatMap((text) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => Number(line.split(' ')[2]) / 1000),
  );
}

function runCommand(
  file: string,
  args: readonly string[],
  options: { cwd: string; env: NodeJS.ProcessEnv },
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output }));
  });
}

type Prepared = { readonly name: string; readonly text: string; readonly variables: readonly string[] };

async function runNode(url: string, plan: Plan): Promise<Run> {
  const statements = await readScript();
  const clients = await Promise.all(
    Array.from({ length: plan.clients }, async () => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      return client;
    }),
  );
  const latenciesMs: number[] = [];
  try {
    const startedMs = performance.now();
    await Promise.all(
      clients.map(async (client, clientId) => {
        const dice = newDice(plan.base + clientId);
        const draw = (shelf: number) => `${shelf * 10_000 + 1 + Math.floor(dice() * plan.third)}`;
        for (let turn = 0; turn < plan.turns; turn += 1) {
          const n = `${plan.base + turn * plan.clients + clientId}`;
          const values: Readonly<Record<string, string>> = { n, a: draw(1), b: draw(2), c: draw(3) };
          const beganMs = performance.now();
          for (const { variables, ...query } of statements) {
            await client.query({ ...query, values: variables.map((name) => values[name]) });
          }
          latenciesMs.push(performance.now() - beganMs);
        }
      }),
    );
    const seconds = (performance.now() - startedMs) / 1000;
    return { orders: latenciesMs.length, perSecond: latenciesMs.length / seconds, latenciesMs };
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}

/** The statements of the script as the driver wants them: `:name` becomes a numbered parameter. */
async function readScript(): Promise<Prepared[]> {
  const lines = (await readFile(script, 'utf8')).split('\n').filter((line) => !/^(--|\\)/.test(line));
  const texts = lines.join('\n').split(';');
  return texts
    .filter((text) => text.trim() !== '')
    .map((text, index) => {
      const variables: string[] = [];
      const numbered = text.trim().replace(/(?<!:):([a-z]+)\b/g, (_, name: string) => {
        if (!variables.includes(name)) variables.push(name);
        return `$${variables.indexOf(name) + 1}`;
      });
      return { name: `by_hand_${index}`, text: numbered, variables };
    });
}
