import { createHash } from 'node:crypto';
import { type Books, underKey, view } from '../../../simulators/payment-provider/books.ts';
import { createInMemoryProvider } from '../../../simulators/payment-provider/in-memory.run.ts';
import { createDesk } from '../../../src/checkout/desk.run.ts';
import type { CheckoutDesk } from '../../../src/checkout/desk.ts';
import { rulesScreen } from '../../../src/fraud/rules.ts';
import { type Built, buildHandlers } from '../../../src/main/wiring.ts';
import type { Message } from '../../../src/messaging/message.ts';
import { bury, putBack } from '../../../src/messaging/messages.sql.ts';
import type { MessageType } from '../../../src/messaging/queues.ts';
import { sleepingWaker } from '../../../src/messaging/waker.ts';
import type { Handler } from '../../../src/messaging/worker.run.ts';
import { Retry } from '../../../src/shared/failure.ts';
import type { NewId } from '../../../src/shared/ids.ts';
import { silentLogger } from '../../../src/shared/log.ts';
import type { Database } from '../../../src/shared/postgres/client.ts';
import { merchantId } from '../seed-rows.ts';

/** The code of the project over one store, with ids and a provider that do the same in the same order. */
export type Actors = Built & {
  readonly newId: NewId;
  readonly desk: CheckoutDesk;
  readonly handlers: { readonly [Type in MessageType]: Handler };
  readonly deed: {
    readonly database: Database;
    readonly merchantId: string;
    readonly newId: NewId;
    readonly by: string;
  };
  readonly books: Books;
};

/** Small baskets meet every verdict, and most of them go on. */
const screen = rulesScreen({
  holdAboveMinor: 3_000n,
  refuseAboveMinor: 6_000n,
  holdFromOrdersPerHour: 6,
  refuseFromOrdersPerHour: 12,
  countryMismatchFromMinor: 2_500n,
});

export function actorsOn(database: Database, nowMs: () => number): Actors {
  let count = 0;
  const newId = (): string => {
    count += 1;
    return `00000000-0000-7000-9000-${String(count).padStart(12, '0')}`;
  };
  const { provider, books } = createInMemoryProvider({
    nowMs,
    newId,
    // Nothing of what is tried here takes time at the provider, so that only its own time limit would be waited for.
    sleep: (_, signal) => new Promise((resolve) => signal?.addEventListener('abort', () => resolve())),
    deadlineMs: 1_000,
    onError(error) {
      throw error;
    },
  });
  const built = { database, waker: sleepingWaker, log: silentLogger, newId };
  const watch = { wait: async () => null };
  return {
    ...built,
    desk: createDesk({ ...built, watch }),
    handlers: buildHandlers(built, { providers: [provider], screen, actor: 'worker under test' }),
    deed: { database, merchantId, newId, by: 'Ada' },
    books,
  };
}

/** What a worker does with a message, once: handles it, puts it back, or buries it after so many attempts. */
export async function handleOnce(actors: Actors, message: Message, attemptsMax: number): Promise<string> {
  const handler: Handler = actors.handlers[message.type as MessageType];
  try {
    await handler.handle(message);
    return 'done';
  } catch (thrown) {
    if (!(thrown instanceof Retry)) throw thrown;
    if (message.attempt < attemptsMax) {
      await putBack(actors.database, message, { delayMs: 1_700, reason: thrown.message, by: 'worker under test' });
      return `again: ${thrown.message}`;
    }
    await actors.database.transaction(async (tx) => {
      if (await bury(tx, message, thrown.message)) await handler.onDead?.(tx, message, thrown.message);
    });
    return `dead: ${thrown.message}`;
  }
}

/** A webhook of the provider about an order's authorisations, as it would be sent now; null if there are none. */
export function webhookAbout(books: Books, orderId: string, type: string): { eventId: string; body: unknown } | null {
  const authorisation = underKey(books, `${orderId}-authorise`).at(-1);
  if (authorisation === undefined) return null;
  const eventId = `evt_${createHash('sha256').update(`${authorisation.id} ${type}`).digest('hex').slice(0, 24)}`;
  return { eventId, body: { id: eventId, type: `authorisation.${type}`, data: view(authorisation) } };
}
