import { type TSchema, Type } from '@sinclair/typebox';

/**
 * The named queues, each with its own concurrency, so that slow work of one kind cannot starve another. All numbers
 * hold per worker process. A queue exhausts its attempts into the dead letters.
 */
export type QueueSettings = {
  readonly concurrency: number;
  /** How long a taken message is invisible. The worker renews it at a third of this; a dead worker's expire. */
  readonly leaseMs: number;
  readonly attemptsMax: number;
  /** Exponential backoff with full jitter: at most base × 2^(attempt − 1), never more than the cap. */
  readonly backoffBaseMs: number;
  readonly backoffCapMs: number;
  readonly why: string;
};

export const queues = {
  screening: {
    concurrency: 64,
    leaseMs: 15_000,
    attemptsMax: 10,
    backoffBaseMs: 200,
    backoffCapMs: 30_000,
    why: 'A transaction that many share, as large as one gets; a remote screen would be bound by its own party limits.',
  },
  payments: {
    concurrency: 64,
    leaseMs: 30_000,
    attemptsMax: 20,
    backoffBaseMs: 250,
    backoffCapMs: 60_000,
    why: 'As many as may call the provider at once. A lease lasts three of the longest calls.',
  },
  orders: {
    concurrency: 64,
    leaseMs: 15_000,
    attemptsMax: 20,
    backoffBaseMs: 200,
    backoffCapMs: 60_000,
    why: 'Database only, and past the pivot: it must come through, so many attempts before a person is asked.',
  },
  stock: {
    concurrency: 32,
    leaseMs: 15_000,
    attemptsMax: 20,
    backoffBaseMs: 200,
    backoffCapMs: 60_000,
    why: 'Gives held stock back, many in one transaction, because they lock the same rows as the commit does.',
  },
  webhooks: {
    concurrency: 64,
    leaseMs: 30_000,
    attemptsMax: 12,
    backoffBaseMs: 500,
    backoffCapMs: 120_000,
    why: 'Hints from outside: never as urgent as the saga, and a flood of them must not slow it.',
  },
} as const satisfies Record<string, QueueSettings>;

export type QueueName = keyof typeof queues;
export const queueNames = Object.keys(queues) as QueueName[];

const nothing = Type.Object({}, { additionalProperties: false });

/**
 * Every type of message: its queue, and the payload of each schema version that this code understands. A version that
 * is not listed goes to the dead letters, where a newer release can replay it.
 */
export const messageTypes = {
  'screen-for-fraud': { queue: 'screening', newest: 1, versions: { 1: nothing } },
  'authorise-payment': { queue: 'payments', newest: 1, versions: { 1: nothing } },
  'confirm-order': { queue: 'orders', newest: 1, versions: { 1: nothing } },
  'void-authorisation': { queue: 'payments', newest: 1, versions: { 1: nothing } },
  'release-stock': { queue: 'stock', newest: 1, versions: { 1: nothing } },
  'check-payment': { queue: 'payments', newest: 1, versions: { 1: nothing } },
  'void-stray-authorisation': {
    queue: 'payments',
    newest: 1,
    versions: {
      1: Type.Object(
        { providerReference: Type.String({ minLength: 1, maxLength: 255 }) },
        { additionalProperties: false },
      ),
    },
  },
  'handle-webhook': {
    queue: 'webhooks',
    newest: 1,
    versions: {
      1: Type.Object(
        {
          provider: Type.String({ minLength: 1, maxLength: 64 }),
          eventId: Type.String({ minLength: 1, maxLength: 255 }),
        },
        { additionalProperties: false },
      ),
    },
  },
} as const satisfies Record<string, { queue: QueueName; newest: number; versions: Record<number, TSchema> }>;

export type MessageType = keyof typeof messageTypes;

export function isMessageType(text: string): text is MessageType {
  return Object.hasOwn(messageTypes, text);
}
