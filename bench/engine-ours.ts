import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import { buildHandlers, buildWorker } from '../src/main/wiring.ts';
import { queueNames } from '../src/messaging/queues.ts';
import { createWaker, wakeChannel } from '../src/messaging/waker.run.ts';
import type { Authorisation, PaymentProvider, ProviderOutcome } from '../src/payments/provider.ts';
import { newUuid } from '../src/shared/ids.ts';
import { silentLogger } from '../src/shared/log.ts';
import { connect } from '../src/shared/postgres/client.ts';
import { openCheckouts, readAllOffers } from './checkouts.ts';
import { checkPromises } from './checks.ts';
import { commitOne, openCommitter } from './commit-one.ts';
import { startCommitting } from './committing.ts';
import { type Engine, untilNoneOpen } from './engine.ts';
import { setUpTimeoutMs } from './ground.ts';
import { closedLoop, openLoop } from './load.ts';
import { latenciesOf } from './percentiles.ts';
import { connectionsMax } from './processes.ts';

/** Above three of these the fraud screen would ask a person. */
const unitPriceMinorMax = 150_000n;
const committers = 64;

/** The worker of Onetill with all that it writes, over a provider in this process that answers at once. */
export async function openOurEngine(databaseName: string, url: string) {
  const looking = connect({
    url,
    applicationName: 'onetill bench look',
    connectionsMax: 2,
    statementTimeoutMs: setUpTimeoutMs,
  });
  let begun = 0;
  const checkouts = async (count: number) => {
    const offers = await readAllOffers(looking, demoMerchant.merchantId);
    const cheap = offers.filter(({ priceMinor }) => priceMinor <= unitPriceMinorMax);
    begun += count;
    return await openCheckouts(looking, cheap, { count, seed: 9_000 + begun });
  };
  const countOpen = async () => {
    const rows = await looking.query<{ count: number }>({ text: 'select count(*)::integer as count from messages' });
    return rows[0]?.count ?? 0;
  };
  const engine: Engine = {
    name: 'Onetill, four steps',
    databaseName,
    async fill(count) {
      const checkoutIds = await checkouts(count);
      const committing = await startCommitting(url);
      await closedLoop(committers, checkoutIds, async (id) => (await commitOne(committing.committer, id)).tookMs);
      await committing.close();
    },
    async drain() {
      const beganMs = performance.now();
      const worker = await startOurWorker(url);
      try {
        const { looks } = await untilNoneOpen(countOpen);
        return { tookMs: performance.now() - beganMs, looks };
      } finally {
        await worker.stop();
      }
    },
    async check() {
      await checkPromises(looking, demoMerchant.merchantId, begun);
      const rows = await looking.query<{ count: number }>({
        text: `select count(*)::integer as count from orders where status = 'confirmed'`,
      });
      if (rows[0]?.count !== begun) throw new Error(`${rows[0]?.count} of ${begun} orders were confirmed`);
    },
    close: () => looking.close(),
  };
  /** Sagas at an even pace; latency from the begin of the commit to that of the confirming transaction. */
  const atPace = async (perSecond: number, seconds: number) => {
    const checkoutIds = await checkouts(perSecond * seconds);
    const worker = await startOurWorker(url);
    const orderIds: string[] = [];
    try {
      const committer = openCommitter({ database: worker.database, newId: newUuid, waker: worker.waker });
      await openLoop(perSecond, checkoutIds, async (id) => orderIds.push((await commitOne(committer, id)).orderId));
      await untilNoneOpen(countOpen);
    } finally {
      await worker.stop();
    }
    const rows = await looking.query<{ tookMs: number }>({
      text: `
        select (1000 * extract(epoch from status_since - created_at))::double precision as "tookMs"
        from orders where order_id = any($1::uuid[]) and status = 'confirmed'`,
      values: [orderIds],
    });
    return latenciesOf(rows.map(({ tookMs }) => tookMs));
  };
  return { engine, atPace };
}

async function startOurWorker(url: string) {
  const database = connect({ url, applicationName: 'onetill bench worker', connectionsMax });
  const waker = createWaker(database, () => {});
  const built = { database, waker, log: silentLogger };
  const worker = buildWorker(built, {
    handlers: buildHandlers(built, { providers: [instantProvider()], actor: 'bench' }),
    queues: queueNames,
    name: 'bench',
  });
  waker.local((queues) => worker.wake(queues));
  const stopListening = await database.listen(wakeChannel, (payload) => worker.wake(payload.split(',')));
  return {
    database,
    waker,
    async stop() {
      await stopListening();
      await worker.stop();
      await database.close();
    },
  };
}

/** Says yes at once, and knows what it has said under which key. */
export function instantProvider(): PaymentProvider {
  const known = new Map<string, Authorisation>();
  const unused = async (): Promise<ProviderOutcome<Authorisation>> => {
    throw new Error('the bench only authorises');
  };
  return {
    name: 'simulated',
    async authorise({ key, amount, reference }) {
      const value = known.get(key) ?? {
        providerReference: `auth_${key}`,
        authoriseKey: key,
        reference,
        status: 'authorised' as const,
        currency: amount.currency,
        authorisedMinor: amount.amountMinor,
        capturedMinor: 0n,
        refundedMinor: 0n,
        declineCode: null,
      };
      known.set(key, value);
      return { outcome: 'done', value };
    },
    capture: unused,
    void: unused,
    refund: unused,
    async find({ authoriseKey }) {
      const found = known.get(authoriseKey);
      return { outcome: 'done', value: found === undefined ? [] : [found] };
    },
  };
}
