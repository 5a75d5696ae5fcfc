import pg from 'pg';
import { connectionsMax } from './processes.ts';

/**
 * The saga as somebody writes it who has a job queue: three steps, each one transaction that has its effect and puts
 * the next job into the queue. It writes far less than an order of Onetill does: two small tables, no audit, no events.
 */
export const steps = ['reserve', 'authorise', 'confirm'] as const;
export type Step = (typeof steps)[number];

const goodsCount = 1_000;

export async function makeShop(pool: pg.Pool): Promise<void> {
  await pool.query(`
    create table goods (sku integer primary key, free integer not null check (free >= 0),
      held integer not null default 0, sold integer not null default 0);
    create table purchases (purchase_id integer primary key, sku integer not null references goods,
      status text not null, reference text, begun_at timestamptz not null default now(), ended_at timestamptz);
    create index purchases_open on purchases (purchase_id) where status <> 'confirmed'`);
  await pool.query('insert into goods (sku, free) select n, 1000000 from generate_series(0, $1::integer - 1) as n', [
    goodsCount,
  ]);
}

export async function beginPurchases(pool: pg.Pool, from: number, count: number): Promise<void> {
  await pool.query(
    `insert into purchases (purchase_id, sku, status)
     select n, n % $3, 'begun' from generate_series($1::integer, $1 + $2::integer - 1) as n`,
    [from, count, goodsCount],
  );
}

export async function countOpenPurchases(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query(`select count(*)::integer as count from purchases where status <> 'confirmed'`);
  return rows[0].count;
}

/** Each purchase has sold one unit, and none is held any more. */
export async function checkPurchases(pool: pg.Pool, begun: number): Promise<void> {
  const { rows } = await pool.query(`
    select (select count(*)::integer from purchases where status = 'confirmed') as confirmed,
           (select sum(sold)::integer from goods) as sold, (select sum(held)::integer from goods) as held`);
  const { confirmed, sold, held } = rows[0];
  if (confirmed !== begun || sold !== begun || held !== 0) {
    throw new Error(`${begun} sagas were begun; ${confirmed} are confirmed, ${sold} units sold, ${held} held`);
  }
}

/** What the transaction of a step writes. A step that comes again changes nothing. */
const effects: Readonly<Record<Step, string>> = {
  reserve: `
    with moved as (
      update purchases set status = 'reserved' where purchase_id = $1 and status = 'begun' returning sku
    )
    update goods g set free = free - 1, held = held + 1 from moved where g.sku = moved.sku`,
  authorise: `
    update purchases set status = 'authorised', reference = 'auth_' || purchase_id
    where purchase_id = $1 and status = 'reserved'`,
  confirm: `
    with moved as (
      update purchases set status = 'confirmed', ended_at = now()
      where purchase_id = $1 and status = 'authorised' returning sku
    )
    update goods g set held = held - 1, sold = sold + 1 from moved where g.sku = moved.sku`,
};

/** Has the effect of the step, on a connection whose transaction is the caller's. */
export async function takeStep(client: Pick<pg.ClientBase, 'query'>, step: Step, purchaseId: number): Promise<void> {
  await client.query({ name: `step_${step}`, text: effects[step], values: [purchaseId] });
}

export function nextOf(step: Step): Step | null {
  return steps[steps.indexOf(step) + 1] ?? null;
}

export function openPool(url: string): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max: connectionsMax });
  // A lost connection fails the statement that needs it, and so the run.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/** Runs the work in a transaction of a connection of the pool. */
export async function inTransaction(client: pg.ClientBase, work: () => Promise<void>): Promise<void> {
  await client.query('begin');
  try {
    await work();
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}
