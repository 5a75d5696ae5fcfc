import { countOpenLetters, readQueueDepths } from '../messaging/queue-depths.sql.ts';
import { queueNames } from '../messaging/queues.ts';
import type { Database } from '../shared/postgres/client.ts';
import {
  type CountedAge,
  feedLags,
  openInboxByKind,
  openOrdersByStatus,
  unsettledPaymentsByStatus,
} from './metrics.sql.ts';
import type { MetricName, Reading } from './metrics.ts';
import { limitStatements, lookOnce } from './snapshot.sql.ts';

/** A scrape that needs longer hurts more than it tells. */
const statementTimeoutMs = 2_000;

const openStatuses = ['pending', 'on_hold', 'cancelling'];
const unsettledStatuses = ['authorising', 'unknown', 'voiding'];
const inboxKinds = ['fraud_review', 'compensation_parked', 'step_parked', 'late_money'];

/** The gauges that the database knows, as of one instant. What is not there is 0: an alert needs something to see. */
export async function readGauges(database: Database): Promise<Reading[]> {
  return await database.transaction(async (tx) => {
    await lookOnce(tx);
    await limitStatements(tx, statementTimeoutMs);
    const depths = await readQueueDepths(tx, null);
    const letters = await countOpenLetters(tx, null);
    return [
      ...queueNames.flatMap((queue) => {
        const depth = depths.find((each) => each.queue === queue);
        return depthReadings(queue, depth);
      }),
      ...queueNames.map((queue) => {
        const value = letters.find((each) => each.queue === queue)?.open ?? 0;
        return { name: 'onetill_dead_letters_open', labels: { queue }, value } as const;
      }),
      ...counted(await openOrdersByStatus(tx), 'status', openStatuses, {
        count: 'onetill_orders_open',
        age: 'onetill_orders_oldest_age_seconds',
      }),
      ...counted(await unsettledPaymentsByStatus(tx), 'status', unsettledStatuses, {
        count: 'onetill_payments_unsettled',
        age: 'onetill_payments_oldest_unsettled_age_seconds',
      }),
      ...counted(await openInboxByKind(tx), 'kind', inboxKinds, {
        count: 'onetill_inbox_open',
        age: 'onetill_inbox_oldest_age_seconds',
      }),
      ...(await feedLags(tx)).map(({ subscriber, lagSeconds }) => {
        return { name: 'onetill_event_feed_lag_seconds', labels: { subscriber }, value: lagSeconds } as const;
      }),
    ];
  });
}

function depthReadings(
  queue: string,
  depth: Awaited<ReturnType<typeof readQueueDepths>>[number] | undefined,
): Reading[] {
  const states = (['ready', 'leased', 'delayed'] as const).map((state) => {
    return { name: 'onetill_queue_messages', labels: { queue, state }, value: depth?.[state] ?? 0 } as const;
  });
  const first = depth?.oldestFirstAttemptAgeSeconds ?? 0;
  return [
    ...states,
    { name: 'onetill_queue_messages_failing', labels: { queue }, value: depth?.failing ?? 0 },
    { name: 'onetill_queue_oldest_first_attempt_age_seconds', labels: { queue }, value: first },
    {
      name: 'onetill_queue_oldest_message_age_seconds',
      labels: { queue },
      value: depth?.oldestMessageAgeSeconds ?? 0,
    },
  ];
}

function counted(
  rows: readonly CountedAge[],
  label: string,
  values: readonly string[],
  names: { readonly count: MetricName; readonly age: MetricName },
): Reading[] {
  return values.flatMap((value): Reading[] => {
    const row = rows.find((each) => each.label === value);
    return [
      { name: names.count, labels: { [label]: value }, value: row?.count ?? 0 },
      { name: names.age, labels: { [label]: value }, value: row?.ageSeconds ?? 0 },
    ];
  });
}
