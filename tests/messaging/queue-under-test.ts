import type { NewMessage } from '../../src/messaging/message.ts';
import { enqueue, settleOrRetry } from '../../src/messaging/messages.sql.ts';
import { type MessageType, messageTypes, type QueueSettings, queues } from '../../src/messaging/queues.ts';
import { type Handler, startWorker, type Worker, type WorkerOptions } from '../../src/messaging/worker.run.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { silentLogger } from '../../src/shared/log.ts';
import type { Database } from '../../src/shared/postgres/client.ts';
import { eventually } from '../harness/shop.ts';

/** The consumer of the handlers here. */
export const consumer = 'tests';

/** A table in which a handler leaves one row for each time that it took effect. */
export async function makeEffects(database: Database): Promise<void> {
  await database.execute({ text: 'create table effects (message_id uuid not null, done_by text not null)' });
}

/** Takes effect and settles in one transaction, as each handler must. */
export function effectOn(database: Database, by = 'handler', before: () => Promise<void> = async () => {}): Handler {
  return {
    async handle(message) {
      await before();
      await database.transaction(async (tx) => {
        await tx.execute({ text: 'insert into effects values ($1, $2)', values: [message.messageId, by] });
        await settleOrRetry(tx, message, consumer);
      });
    },
  };
}

/** All handlers are the same, but for those that are given. */
export function handlersOf(
  handler: Handler,
  others: Partial<Record<MessageType, Handler>> = {},
): { readonly [Type in MessageType]: Handler } {
  const all = Object.fromEntries(Object.keys(messageTypes).map((type) => [type, handler]));
  return { ...(all as { [Type in MessageType]: Handler }), ...others };
}

export const quickLane: QueueSettings = {
  ...queues.stock,
  concurrency: 4,
  leaseMs: 2_000,
  attemptsMax: 3,
  backoffBaseMs: 10,
  backoffCapMs: 40,
};

/** A worker of the queue `stock` alone. */
export function workOn(
  database: Database,
  handlers: WorkerOptions['handlers'],
  more: Partial<WorkerOptions> & { lane?: QueueSettings } = {},
): Worker {
  const { lane = quickLane, ...options } = more;
  return startWorker({
    database,
    handlers,
    queues: ['stock'],
    workerName: 'worker under test',
    newId: newUuid,
    random: Math.random,
    log: silentLogger,
    pollMs: 20,
    settings: { stock: lane },
    ...options,
  });
}

export async function send(database: Database, count: number, more: Partial<NewMessage> = {}): Promise<string[]> {
  const ids = Array.from({ length: count }, newUuid);
  await database.transaction((tx) =>
    enqueue(
      tx,
      ids.map((messageId) => ({
        messageId,
        type: 'release-stock',
        merchantId: 'demo',
        orderId: null,
        idempotencyKey: messageId,
        payload: {},
        traceparent: null,
        ...more,
      })),
    ),
  );
  return ids;
}

/** Nothing waits or is in hand. */
export async function drained(database: Database): Promise<void> {
  await eventually('the queue is empty', async () => {
    return (await database.query({ text: 'select 1 from messages limit 1' })).length === 0;
  });
}

/** How often each message took effect, and how often it is on record as handled. */
export async function effects(database: Database): Promise<{ taken: number; messages: number; handled: number }> {
  const [found] = await database.query<{ taken: number; messages: number; handled: number }>({
    text: `
      select count(*)::integer as taken, count(distinct message_id)::integer as messages,
             (select count(*)::integer from messages_handled where consumer = 'tests') as handled
      from effects`,
  });
  return found ?? { taken: 0, messages: 0, handled: 0 };
}
