import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Authorisation } from '../../simulators/payment-provider/books.ts';
import { createInMemoryProvider } from '../../simulators/payment-provider/in-memory.run.ts';
import { replayLetter } from '../../src/operations/dead-letters.run.ts';
import { reviewOrder } from '../../src/operations/review.run.ts';
import { machineClock, sleep } from '../../src/shared/clock.ts';
import { isRefused } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { connect, type Database } from '../../src/shared/postgres/client.ts';
import { isCannotStart } from '../../src/shared/postgres/embedded-fault.ts';
import { migrate, readMigrations } from '../../src/shared/postgres/migrate.ts';
import { withoutTriggers } from '../harness/second-cluster.ts';
import { type RunningShop, startShop } from '../harness/shop.ts';
import { authorisationsOfBooks, collectEvidence, collectTexts } from '../judges/collect.ts';
import type { Violation } from '../judges/judge.ts';
import { judgedAt, judgedUnplanted } from '../judges/judges.ts';
import { awaitRest } from '../judges/rest.ts';

/** All rows of a database of an older release, and the books of the provider at that time. */
export type Frozen = {
  readonly frozenAt: string;
  readonly rows: Readonly<Record<string, readonly object[]>>;
  readonly books: {
    readonly authorisations: readonly Authorisation[];
    readonly byKey: Readonly<Record<string, string[]>>;
  };
};

export type Thawed = {
  readonly figures: Readonly<Record<string, number>>;
  readonly violations: readonly (Violation & { readonly where: string })[];
};

const migrationsDirectory = fileURLToPath(new URL('../../migrations', import.meta.url));
const restMsMax = 60_000;

/** All but the first: what clients asked for and were told was not frozen with the rows; and no card was planted. */
export const judgedPromises = judgedUnplanted.filter((promise) => promise !== 1);

export async function readFrozen(release: string): Promise<Frozen> {
  const file = new URL(`${release}/frozen.json`, import.meta.url);
  return JSON.parse(await readFile(file, 'utf8')) as Frozen;
}

/** Puts the rows into an empty database with the schema of their time, brings it to that of today, and ends all. */
export async function finishFrozen(
  frozen: Frozen,
  options: { url: string; where: string; onProgress?: (line: string) => void },
): Promise<Thawed> {
  const database = connect({ url: options.url, applicationName: 'upgrade', connectionsMax: 8 });
  const simulated = createInMemoryProvider({
    nowMs: machineClock.nowMs,
    newId: newUuid,
    sleep,
    deadlineMs: 1_000,
    onError(error) {
      throw error;
    },
  });
  let shop: RunningShop | null = null;
  try {
    await load(database, frozen);
    const before = await countOf(database);
    for (const each of frozen.books.authorisations) simulated.books.authorisations.set(each.id, structuredClone(each));
    for (const [key, ids] of Object.entries(frozen.books.byKey)) simulated.books.byKey.set(key, [...ids]);
    const migrated = await migrate(database, { directory: migrationsDirectory });
    if (isCannotStart(migrated)) throw new Error(migrated.message);
    await decideHeld(database);
    await replayLetters(database);
    shop = await startShop(database, { provider: simulated.provider });
    const { onProgress = () => {} } = options;
    const unrest = await awaitRest({ database, withinMs: restMsMax, onProgress });
    const evidence = await collectEvidence(database, {
      history: [],
      theirs: authorisationsOfBooks(simulated.books),
      planted: [],
      texts: await collectTexts(database),
    });
    const violations = [
      ...unrest.map((each) => ({ ...each, where: options.where })),
      ...judgedAt(evidence, options.where).filter(({ promise }) => judgedPromises.includes(promise)),
    ];
    const count = (status: string) => evidence.ours.orders.filter((order) => order.status === status).length;
    return {
      figures: { ...before, confirmed: count('confirmed'), cancelled: count('cancelled') },
      violations,
    };
  } finally {
    await shop?.stop();
    simulated.stop();
    await database.close();
  }
}

/** As pg_restore does it, and all times moved as if the rows had been written a moment ago. */
async function load(database: Database, frozen: Frozen): Promise<void> {
  const names = (frozen.rows.schema_migrations ?? []).map((row) => (row as { name: string }).name);
  const known = await readMigrations(migrationsDirectory);
  for (const name of names) {
    const migration = known.find((each) => each.name === name);
    if (migration === undefined) throw new Error(`the migration ${name} is gone`);
    await database.query({ text: migration.sql });
  }
  await database.execute({
    text: `
      create table if not exists schema_migrations (
        name text primary key, applied_at timestamptz not null default now())`,
  });
  const [clock] = await database.query<{ aged: string }>({
    text: `select (now() - $1::timestamptz)::text as aged`,
    values: [frozen.frozenAt],
  });
  const times = await database.query<{ table: string; column: string }>({
    text: `
      select table_name as "table", column_name as "column" from information_schema.columns
      where table_schema = 'public' and data_type = 'timestamp with time zone' limit 1000`,
  });
  for (const [table, rows] of Object.entries(frozen.rows)) {
    await withoutTriggers(
      database,
      `insert into ${table} overriding system value select * from jsonb_populate_recordset(null::${table}, $1)`,
      [JSON.stringify(rows)],
    );
    const moved = times
      .filter((each) => each.table === table)
      .map(({ column }) => `${column} = ${column} + $1::interval`);
    if (moved.length > 0) await withoutTriggers(database, `update ${table} set ${moved.join(', ')}`, [clock?.aged]);
  }
  await database.query({
    text: `
      select setval(pg_get_serial_sequence('domain_events', 'position'), (select max(position) from domain_events))`,
  });
}

async function countOf(database: Database): Promise<Record<string, number>> {
  const [found] = await database.query<Record<string, number>>({
    text: `
      select (select count(*)::integer from orders where status not in ('confirmed', 'cancelled')) as "frozen orders",
             (select count(distinct (o.status, s.status, p.status))::integer
              from orders o join sagas s using (order_id) join payments p using (order_id)) as "kinds of states",
             (select count(*)::integer from messages) as "frozen messages",
             (select count(distinct (type, schema_version))::integer from messages) as "kinds of messages",
             (select count(*)::integer from dead_letters where status = 'open') as "frozen dead letters"`,
  });
  return found ?? {};
}

/** Of two held orders one is accepted by a person, and the other one is forgotten. */
async function decideHeld(database: Database): Promise<void> {
  const held = await database.query<{ orderId: string; merchantId: string }>({
    text: `select order_id as "orderId", merchant_id as "merchantId" from orders where status = 'on_hold' limit 10`,
  });
  for (const [index, { orderId, merchantId }] of held.entries()) {
    if (index % 2 === 1) {
      await database.execute({ text: 'update orders set deadline_at = now() where order_id = $1', values: [orderId] });
      continue;
    }
    const by = { database, newId: newUuid, merchantId, by: 'ada' };
    const done = await reviewOrder(by, { orderId, verdict: 'accept', owner: 'operations' });
    if (isRefused(done)) throw new Error(done.message);
  }
}

/** A person replays what was given up; undos have rested long enough, so that the sweeper tries them again. */
async function replayLetters(database: Database): Promise<void> {
  await database.execute({ text: `update dead_letters set died_at = now() - interval '1 hour' where status = 'open'` });
  const letters = await database.query<{ messageId: string; merchantId: string }>({
    text: `
      select message_id as "messageId", merchant_id as "merchantId" from dead_letters
      where status = 'open' and type not in ('void-authorisation', 'release-stock') limit 10`,
  });
  for (const { messageId, merchantId } of letters) {
    const replayed = await replayLetter({ database, newId: newUuid, merchantId, by: 'ada' }, messageId);
    if (isRefused(replayed)) throw new Error(replayed.message);
  }
}
