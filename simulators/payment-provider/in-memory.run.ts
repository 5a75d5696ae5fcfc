import type { MoneyRequest, PaymentProvider } from '../../src/payments/provider.ts';
import { type CallOutcome, outcomeOfChange, outcomeOfFind } from '../../src/payments/providers/simulated.ts';
import { toWire } from '../../src/shared/money.ts';
import { type Books, newBooks } from './books.ts';
import { valueHoldsCardNumber } from './card-number.ts';
import type { ChangeRequest } from './decide.ts';
import { startDeliveries } from './deliveries.run.ts';
import { exchange, type ReplyOrCut, read, type World } from './exchange.run.ts';
import { type FaultBoard, newFaultBoard } from './faults.ts';

export type InMemoryOptions = {
  readonly nowMs: () => number;
  readonly newId: () => string;
  /** Waits on the clock of `nowMs`: a virtual one in a simulation. Ends early when the signal aborts. */
  readonly sleep: (durationMs: number, signal?: AbortSignal) => Promise<void>;
  /** When the caller gives up: the outcome is then unknown, and the provider goes on all the same. */
  readonly deadlineMs: number;
  /** Takes the body of a webhook's event; false has it sent again. Without it no events are made. */
  readonly onWebhook?: (eventId: string, body: string) => Promise<boolean>;
  readonly onError: (error: Error) => void;
};

/**
 * The same provider without HTTP and without a disk, for thousands of runs a second in virtual time: the same books,
 * decisions, faults and mapping of answers, and the same contract suite (tests/contracts/payment-provider.ts).
 */
export function createInMemoryProvider(options: InMemoryOptions): {
  readonly provider: PaymentProvider;
  readonly books: Books;
  readonly faults: FaultBoard;
  readonly stop: () => void;
} {
  const { nowMs, newId, sleep, deadlineMs, onWebhook, onError } = options;
  const books = newBooks();
  const stopping = new AbortController();
  const durable = async (): Promise<void> => {};
  const deliveries =
    onWebhook === undefined
      ? null
      : startDeliveries({
          books,
          append: durable,
          post: (delivery) => onWebhook(delivery.plan.id, delivery.body),
          sleep,
          onError,
        });
  const world: World = {
    books,
    faults: newFaultBoard(),
    append: durable,
    settled: durable,
    nowMs,
    newId,
    sleep: (durationMs) => sleep(durationMs, stopping.signal),
    webhooks: deliveries,
    onLateError: onError,
  };

  async function withDeadline(exchanged: Promise<ReplyOrCut>): Promise<CallOutcome> {
    const answered = new AbortController();
    const late = sleep(deadlineMs, answered.signal).then(() => 'late' as const);
    const answer = await Promise.race([exchanged, late]).finally(() => answered.abort());
    if (answer === 'late') return { kind: 'unknown', reason: 'timeout' };
    if (answer === 'cut') return { kind: 'unknown', reason: 'connection_lost' };
    return { kind: 'reply', status: answer.status, headers: answer.headers, body: JSON.stringify(answer.body) };
  }
  const provider = providerOver({
    change: (request) => withDeadline(exchange(world, request)),
    find: (authoriseKey) => withDeadline(read(world, { operation: 'find', authorise_key: authoriseKey })),
  });
  function stop(): void {
    stopping.abort();
    deliveries?.stop();
  }
  return { provider, books, faults: world.faults, stop };
}

type Calls = {
  readonly change: (request: ChangeRequest) => Promise<CallOutcome>;
  readonly find: (authoriseKey: string) => Promise<CallOutcome>;
};

function providerOver(calls: Calls): PaymentProvider {
  const change = async (request: ChangeRequest): Promise<CallOutcome> => formFault(request) ?? calls.change(request);
  const move = async (operation: 'capture' | 'refund', request: MoneyRequest) => {
    const { key, providerReference, amount } = request;
    const amount_minor = toWire(amount.amountMinor);
    const asked = { operation, key, authorisation: providerReference, amount_minor, currency: amount.currency };
    return outcomeOfChange(await change(asked), { providerReference });
  };
  return {
    name: 'simulated',
    async authorise({ key, amount, token, reference }) {
      const { amountMinor, currency } = amount;
      const sent = { amount_minor: toWire(amountMinor), currency, token: token.reveal(), reference };
      const call = await change({ operation: 'authorise', key, ...sent });
      return outcomeOfChange(call, { key, reference, amountMinor, currency });
    },
    capture: (request) => move('capture', request),
    refund: (request) => move('refund', request),
    async void({ key, providerReference }) {
      const call = await change({ operation: 'void', key, authorisation: providerReference });
      return outcomeOfChange(call, { providerReference });
    },
    async find({ authoriseKey }) {
      return outcomeOfFind(await calls.find(authoriseKey), authoriseKey);
    },
  };
}

/** What the HTTP rim refuses before the books are looked at. */
function formFault(request: ChangeRequest): CallOutcome | null {
  const refused = (code: string, message: string): CallOutcome => {
    return { kind: 'reply', status: 422, headers: {}, body: JSON.stringify({ error: { code, message } }) };
  };
  if (valueHoldsCardNumber(request)) return refused('card_number_refused', 'A field looks like a card number.');
  if ('amount_minor' in request && request.amount_minor < 1) return refused('invalid_request', 'Nothing to pay.');
  return null;
}
