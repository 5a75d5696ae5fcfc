import { Value } from '@sinclair/typebox/value';
import { isMessageType, type MessageType, messageTypes, type QueueName, type QueueSettings } from './queues.ts';

/** A message to be written in the transaction of its cause. */
export type NewMessage = {
  readonly messageId: string;
  readonly type: MessageType;
  readonly merchantId: string;
  readonly orderId: string | null;
  /** Names the cause. Of one type and key at most one message is alive; writing it again does nothing. */
  readonly idempotencyKey: string;
  readonly payload: Readonly<Record<string, unknown>>;
  /** W3C trace context of the cause. */
  readonly traceparent: string | null;
  readonly delayMs?: number;
};

/** A message as taken from a queue. Its type and version may be unknown to this code. */
export type Message = {
  readonly messageId: string;
  readonly queue: QueueName;
  readonly type: string;
  readonly schemaVersion: number;
  readonly merchantId: string;
  readonly orderId: string | null;
  readonly idempotencyKey: string;
  readonly payload: unknown;
  readonly traceparent: string | null;
  /** 1 on the first delivery. */
  readonly attempt: number;
  readonly firstEnqueuedAt: Date;
  /** From the first enqueue to the first delivery, if this is the first delivery. */
  readonly firstWaitMs: number | null;
  readonly leaseId: string;
};

export type Readable =
  | { readonly readable: true; readonly type: MessageType }
  | { readonly readable: false; readonly reason: string };

/** Whether this code understands the message: its type, its schema version and its payload. */
export function readMessage(message: Message): Readable {
  if (!isMessageType(message.type)) return { readable: false, reason: `unknown message type ${message.type}` };
  const versions: Readonly<Record<number, Parameters<typeof Value.Check>[0]>> = messageTypes[message.type].versions;
  const schema = versions[message.schemaVersion];
  if (schema === undefined) {
    return { readable: false, reason: `unknown schema version ${message.schemaVersion} of ${message.type}` };
  }
  if (Value.Check(schema, message.payload)) return { readable: true, type: message.type };
  const error = Value.Errors(schema, message.payload).First();
  return {
    readable: false,
    reason: `payload does not fit ${message.type}: ${error?.path ?? ''} ${error?.message ?? ''}`,
  };
}

/**
 * How long to wait before the next attempt: full jitter (a random share of the exponential bound), so that what failed
 * together does not come back together; never less than what the other side asked for with Retry-After.
 */
export function backoffDelayMs(
  settings: QueueSettings,
  attempt: number,
  random: number,
  retryAfterMs: number | undefined,
): number {
  const boundMs = Math.min(settings.backoffCapMs, settings.backoffBaseMs * 2 ** Math.min(attempt - 1, 30));
  const jitteredMs = Math.round(boundMs * random);
  return Math.max(jitteredMs, Math.min(retryAfterMs ?? 0, retryAfterMsMax));
}

/**
 * How long a queue keeps trying, by its backoff alone: the waits between all attempts, on average and at the most. Full
 * jitter may draw short waits each time, so at the least it is next to nothing. The attempts themselves and what the
 * other side asks for with Retry-After come on top.
 */
export function spanOfAttempts(settings: QueueSettings): { readonly averageMs: number; readonly longestMs: number } {
  const waits = Array.from({ length: settings.attemptsMax - 1 }, (_, index) =>
    backoffDelayMs(settings, index + 1, 1, undefined),
  );
  const longestMs = waits.reduce((sum, waitMs) => sum + waitMs, 0);
  return { averageMs: longestMs / 2, longestMs };
}

/** No party may park our work for longer than this by its Retry-After. */
const retryAfterMsMax = 10 * 60_000;
