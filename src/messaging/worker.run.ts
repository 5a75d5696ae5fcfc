import { every, nap, sleep, soon, stopwatch } from '../shared/clock.ts';
import { Retry, toError } from '../shared/failure.ts';
import type { NewId } from '../shared/ids.ts';
import type { Logger } from '../shared/log.ts';
import { type Database, isConnectionError, type Transaction } from '../shared/postgres/client.ts';
import { insideTrace } from '../shared/trace-scope.ts';
import { backoffDelayMs, type Message, readMessage, reasonOf } from './message.ts';
import { bury, putBack, renewLeases, take } from './messages.sql.ts';
import { type MessageType, type QueueName, type QueueSettings, queues } from './queues.ts';

/** Handles one type of message. It settles the message (`settleOrRetry`) in the transaction of its effect. */
export type Handler = {
  handle(message: Message): Promise<void>;
  /** Runs in the transaction that moves the message to the dead letters: parks what waits for it. */
  onDead?(tx: Transaction, message: Message, reason: string): Promise<void>;
};

export type WorkerOptions = {
  readonly database: Database;
  readonly handlers: { readonly [Type in MessageType]: Handler };
  readonly queues: readonly QueueName[];
  readonly workerName: string;
  readonly newId: NewId;
  readonly random: () => number;
  readonly log: Logger;
  /** How long an idle queue waits before it looks again without a hint. */
  readonly pollMs: number;
  readonly settings?: Partial<Record<QueueName, QueueSettings>>;
  readonly onTaken?: (message: Message) => void;
  readonly onHandled?: (message: Message, result: 'done' | 'retry' | 'dead' | 'lost', durationMs: number) => void;
};

export type Worker = {
  /** Looks into these queues now. */
  wake(queues: readonly string[]): void;
  /** Takes no more, waits for what is in hand (bounded by the leases), and resolves. */
  stop(): Promise<void>;
  /** Settles when a lane takes no more: after stop(), or rejected with the reason when a lane could not go on. */
  readonly ended: Promise<void>;
};

/** Takes messages from the queues and hands them to their handlers until stopped. */
export function startWorker(options: WorkerOptions): Worker {
  const stopping = new AbortController();
  const lanes = new Map(options.queues.map((queue) => [queue as string, lane(options, queue, stopping.signal)]));
  return {
    wake(names) {
      for (const name of names) lanes.get(name)?.wake();
    },
    async stop() {
      stopping.abort();
      await Promise.all([...lanes.values()].map((each) => each.emptied));
    },
    ended: Promise.race([...lanes.values()].map((each) => each.ended)),
  };
}

function lane(options: WorkerOptions, queue: QueueName, stopping: AbortSignal) {
  const settings = options.settings?.[queue] ?? queues[queue];
  const inHand = new Map<string, { message: Message; work: Promise<void> }>();
  let rest: ReturnType<typeof nap> | null = null;
  let nudged = false;
  const wake = (): void => {
    nudged = true;
    rest?.wake();
  };
  stopping.addEventListener('abort', wake, { once: true });
  const stopHeart = every(settings.leaseMs / 3, () => beat(options, settings, inHand));

  let fault: { readonly thrown: unknown } | null = null;

  async function loop(): Promise<void> {
    while (!stopping.aborted) {
      // What a handler throws is settled with its message; this is a fault of ours beside it.
      if (fault !== null) throw fault.thrown;
      // Messages that are handled in one transaction end together: their places are filled with one statement.
      await new Promise<void>(soon);
      if (stopping.aborted) break;
      nudged = false;
      const count = settings.concurrency - inHand.size;
      const taken = count === 0 ? [] : await takeSome(options, queue, settings, count);
      for (const message of taken) {
        const work = handleOne(options, settings, message)
          .catch((thrown: unknown) => {
            fault ??= { thrown };
          })
          .finally(() => {
            inHand.delete(message.messageId);
            // A full lane waits for a free place; a lane that was not full has looked for more already.
            if (fault !== null || inHand.size === settings.concurrency - 1) wake();
          });
        inHand.set(message.messageId, { message, work });
      }
      const isThereMore = taken.length > 0 && taken.length === count && inHand.size < settings.concurrency;
      if (nudged || isThereMore) continue;
      rest = nap(options.pollMs * (0.75 + 0.5 * options.random()));
      await rest.over;
      rest = null;
    }
  }

  async function empty(): Promise<void> {
    await Promise.all([...inHand.values()].map((each) => each.work));
    stopHeart();
  }
  const ended = loop();
  ended.catch((thrown: unknown) => {
    options.log.error('a lane ended though nobody stopped it', { queue, error: toError(thrown) });
  });
  return { wake, ended, emptied: ended.then(empty, empty) };
}

async function takeSome(
  options: WorkerOptions,
  queue: QueueName,
  settings: QueueSettings,
  count: number,
): Promise<Message[]> {
  try {
    return await take(options.database, {
      queue,
      count,
      leaseId: options.newId(),
      leasedBy: options.workerName,
      leaseMs: settings.leaseMs,
    });
  } catch (thrown) {
    const error = toError(thrown);
    options.log.warn('could not take messages; trying again', { queue, error });
    await sleep(databaseAwayDelayMs);
    return [];
  }
}

/** While the database is away there is nothing to do but to look again, without filling the log. */
const databaseAwayDelayMs = 500;

function beat(
  options: WorkerOptions,
  settings: QueueSettings,
  inHand: ReadonlyMap<string, { message: Message }>,
): void {
  const messages = [...inHand.values()].map((each) => each.message);
  if (messages.length === 0) return;
  renewLeases(options.database, {
    messageIds: messages.map((message) => message.messageId),
    leaseIds: messages.map((message) => message.leaseId),
    leaseMs: settings.leaseMs,
  }).catch((error: Error) => options.log.warn('could not renew leases', { error, count: messages.length }));
}

async function handleOne(options: WorkerOptions, settings: QueueSettings, message: Message): Promise<void> {
  const elapsedMs = stopwatch();
  options.onTaken?.(message);
  const result = await attempt(options, settings, message);
  options.onHandled?.(message, result, elapsedMs());
}

async function attempt(
  options: WorkerOptions,
  settings: QueueSettings,
  message: Message,
): Promise<'done' | 'retry' | 'dead' | 'lost'> {
  const readable = readMessage(message);
  try {
    if (!readable.readable) return await die(options, settings, message, readable.reason, undefined);
    const handler = options.handlers[readable.type];
    // A message that kills its worker never reports a failure: its attempts are counted when it is taken.
    if (message.attempt > settings.attemptsMax)
      return await die(options, settings, message, exhausted(settings), handler);
    return await handleIt(options, settings, message, handler);
  } catch (thrown) {
    options.log.error('could not settle a message; its lease will expire', about(message, { error: toError(thrown) }));
    return 'lost';
  }
}

async function handleIt(
  options: WorkerOptions,
  settings: QueueSettings,
  message: Message,
  handler: Handler,
): Promise<'done' | 'retry' | 'dead' | 'lost'> {
  try {
    await insideTrace(message.traceparent, () => handler.handle(message));
    return 'done';
  } catch (thrown) {
    const error = toError(thrown);
    const isExpected = error instanceof Retry || isConnectionError(error);
    options.log[isExpected ? 'info' : 'error'](
      isExpected ? 'a message will be tried again' : 'a handler failed',
      about(message, isExpected ? { reason: error.message } : { error }),
    );
    if (message.attempt >= settings.attemptsMax) {
      return await die(options, settings, message, `${exhausted(settings)}: ${reasonOf(error)}`, handler);
    }
    const retryAfterMs = error instanceof Retry ? error.retryAfterMs : undefined;
    const delayMs = backoffDelayMs(settings, message.attempt, options.random(), retryAfterMs);
    await putBack(options.database, message, { delayMs, reason: reasonOf(error), by: options.workerName });
    return 'retry';
  }
}

function exhausted(settings: QueueSettings): string {
  return `gave up after ${settings.attemptsMax} attempts`;
}

async function die(
  options: WorkerOptions,
  settings: QueueSettings,
  message: Message,
  reason: string,
  handler: Handler | undefined,
): Promise<'dead' | 'lost'> {
  const buryIt = (parks: boolean) =>
    options.database.transaction(async (tx) => {
      if (!(await bury(tx, message, reason))) return false;
      if (parks) await handler?.onDead?.(tx, message, reason);
      return true;
    });
  const buried = await buryIt(true).catch(async (thrown: unknown) => {
    // It comes once more when its lease has expired. Then it dies even if what waits for it cannot be parked: it would
    // come again for ever. The deadline of its order tells a person too.
    if (message.attempt <= settings.attemptsMax || isConnectionError(thrown)) throw thrown;
    options.log.error('what waits for a dead message could not be parked', about(message, { error: toError(thrown) }));
    return await buryIt(false);
  });
  if (buried) options.log.error('a message went to the dead letters', about(message, { reason }));
  return buried ? 'dead' : 'lost';
}

function about(message: Message, more: { reason?: string; error?: Error } = {}) {
  return {
    messageId: message.messageId,
    queue: message.queue,
    type: message.type,
    attempt: message.attempt,
    ...(message.orderId === null ? {} : { orderId: message.orderId }),
    ...more,
  };
}
