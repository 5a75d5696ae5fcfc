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
 * Why an attempt failed, for people: what the error says, and its name only where that tells something. At most 500
 * bytes, so that the history of a message stays short in every script, and no control characters, of which PostgreSQL
 * takes no text with a zero.
 */
export function reasonOf(error: Error): string {
  const code = (error as { code?: unknown }).code;
  // The error of a connection that failed for several addresses has a code and no message.
  const said = error.message !== '' ? error.message : typeof code === 'string' ? code : '';
  const isTelling = said === '' || !namesThatTellNothing.includes(error.name);
  const text = isTelling ? [error.name, said].filter((part) => part !== '').join(': ') : said;
  return clipped(text.replace(/\p{Cc}/gu, ' '), reasonBytesMax) || 'no reason was given';
}

/** Our own and the plain ones, and `error`, as the database driver calls its own. A TypeError is worth its name. */
const namesThatTellNothing: readonly string[] = ['Error', 'error', 'AggregateError', 'Retry', 'Bug', 'RefusedError'];
const reasonBytesMax = 500;
const encoder = new TextEncoder();

function clipped(text: string, bytesMax: number): string {
  if (encoder.encode(text).length <= bytesMax) return text;
  let bytes = 0;
  let kept = '';
  for (const character of text) {
    bytes += encoder.encode(character).length;
    if (bytes > bytesMax) break;
    kept += character;
  }
  return kept;
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
