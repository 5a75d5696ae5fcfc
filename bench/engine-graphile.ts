import { Logger, makeWorkerUtils, run, type TaskList } from 'graphile-worker';
import { type Engine, untilNoneOpen } from './engine.ts';
import {
  beginPurchases,
  checkPurchases,
  countOpenPurchases,
  inTransaction,
  makeShop,
  nextOf,
  openPool,
  steps,
  takeStep,
} from './engine-steps.ts';
import { connectionsMax } from './processes.ts';

type Payload = { readonly purchaseId: number };
const logger = new Logger(() => () => {});

/** graphile-worker, told to do as well as it can: it takes jobs in batches and ends them in batches. */
export async function openGraphile(databaseName: string, url: string, how: 'one job' | 'chained'): Promise<Engine> {
  const pool = openPool(url);
  const utils = await makeWorkerUtils({ pgPool: pool, logger });
  await utils.migrate();
  await makeShop(pool);
  let begun = 0;
  return {
    name: `graphile-worker, ${how === 'one job' ? 'one job' : 'three chained jobs'}`,
    databaseName,
    async fill(count) {
      await beginPurchases(pool, begun + 1, count);
      await pool.query(
        `select graphile_worker.add_job($3, json_build_object('purchaseId', n))
         from generate_series($1::integer, $1 + $2::integer - 1) as n`,
        [begun + 1, count, how === 'one job' ? 'whole' : steps[0]],
      );
      begun += count;
    },
    async drain() {
      // Sessions tell the server's counters what they did when they end: so each drain has its own.
      const own = openPool(url);
      const beganMs = performance.now();
      const runner = await run({
        pgPool: own,
        concurrency: connectionsMax,
        taskList: how === 'one job' ? whole : chained,
        logger,
        noHandleSignals: true,
        preset: { worker: { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
      });
      try {
        const { looks } = await untilNoneOpen(() => countOpenPurchases(pool));
        return { tookMs: performance.now() - beganMs, looks };
      } finally {
        await runner.stop();
        await own.end();
      }
    },
    check: () => checkPurchases(pool, begun),
    async close() {
      await utils.release();
      await pool.end();
    },
  };
}

const chained: TaskList = Object.fromEntries(
  steps.map((step) => [
    step,
    async (payload, helpers) => {
      const { purchaseId } = payload as Payload;
      await helpers.withPgClient((client) =>
        inTransaction(client, async () => {
          await takeStep(client, step, purchaseId);
          const next = nextOf(step);
          if (next === null) return;
          await client.query({
            name: 'add_next',
            text: `select graphile_worker.add_job($1, json_build_object('purchaseId', $2::integer))`,
            values: [next, purchaseId],
          });
        }),
      );
    },
  ]),
);

/** All three steps in one job: each is a transaction of its own still, because the money is asked for between them. */
const whole: TaskList = {
  async whole(payload, helpers) {
    const { purchaseId } = payload as Payload;
    await helpers.withPgClient(async (client) => {
      for (const step of steps) await takeStep(client, step, purchaseId);
    });
  },
};
