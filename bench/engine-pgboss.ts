import PgBoss from 'pg-boss';
import { type Engine, untilNoneOpen } from './engine.ts';
import {
  beginPurchases,
  checkPurchases,
  countOpenPurchases,
  inTransaction,
  makeShop,
  nextOf,
  openPool,
  type Step,
  steps,
  takeStep,
} from './engine-steps.ts';
import { pause } from './load.ts';
import { connectionsMax } from './processes.ts';

type Data = { readonly purchaseId: number };

/** Its own loop takes a batch twice a second at most; these fetch again at once, which is more than it promises. */
const loopsPerQueue = 5;
const batchSize = 25;
const idleMs = 5;
const insertedAtOnce = 1_000;

type Own = { readonly pool: ReturnType<typeof openPool>; readonly boss: PgBoss };

export async function openPgBoss(databaseName: string, url: string): Promise<Engine> {
  const pool = openPool(url);
  const boss = await startBoss(url);
  for (const step of steps) await boss.createQueue(step);
  await makeShop(pool);
  let begun = 0;

  async function one(own: Own, step: Step, job: PgBoss.Job<Data>): Promise<void> {
    const { purchaseId } = job.data;
    const client = await own.pool.connect();
    try {
      const db = { executeSql: (text: string, values: unknown[]) => client.query(text, values) };
      await inTransaction(client, async () => {
        await takeStep(client, step, purchaseId);
        const next = nextOf(step);
        if (next !== null) await own.boss.send(next, { purchaseId }, { db });
      });
    } finally {
      client.release();
    }
  }

  async function loop(own: Own, step: Step, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const jobs = await own.boss.fetch<Data>(step, { batchSize });
      await Promise.all(jobs.map((job) => one(own, step, job)));
      if (jobs.length === 0) await pause(idleMs);
      else
        await own.boss.complete(
          step,
          jobs.map(({ id }) => id),
        );
    }
  }

  return {
    name: 'pg-boss, three chained jobs',
    databaseName,
    async fill(count) {
      await beginPurchases(pool, begun + 1, count);
      const jobs = Array.from({ length: count }, (_, index) => ({
        name: steps[0],
        data: { purchaseId: begun + 1 + index },
      }));
      for (let at = 0; at < count; at += insertedAtOnce) await boss.insert(jobs.slice(at, at + insertedAtOnce));
      begun += count;
    },
    async drain() {
      // Sessions tell the server's counters what they did when they end: so each drain has its own.
      const own: Own = { pool: openPool(url), boss: await startBoss(url) };
      const beganMs = performance.now();
      let isOver = false;
      const loops = steps.flatMap((step) => Array.from({ length: loopsPerQueue }, () => loop(own, step, () => isOver)));
      const { looks } = await untilNoneOpen(() => countOpenPurchases(pool));
      const tookMs = performance.now() - beganMs;
      isOver = true;
      await Promise.all(loops);
      await own.boss.stop({ graceful: false, wait: true });
      await own.pool.end();
      return { tookMs, looks };
    },
    check: () => checkPurchases(pool, begun),
    async close() {
      await boss.stop({ graceful: false, wait: false });
      await pool.end();
    },
  };
}

async function startBoss(url: string): Promise<PgBoss> {
  const boss = new PgBoss({ connectionString: url, max: connectionsMax, supervise: false, schedule: false });
  boss.on('error', () => {});
  await boss.start();
  return boss;
}
