import type { Payment, PaymentStatus } from '../../src/payments/payment.ts';
import type { Authorisation } from '../../src/payments/provider.ts';
import { onlineOrder } from '../../src/sagas/online-order.ts';
import type { SagaState, StepState } from '../../src/sagas/saga.ts';
import { currencyOf } from '../../src/shared/money.ts';

/**
 * A state of two buyers who want the same last item: what our tables, the provider's books, the workers' hands and the
 * buyers' heads hold. Everything that decides is here and nothing else, so that equal states are one state.
 */
export type World = {
  readonly heldUnits: number;
  readonly soldUnits: number;
  /** Null for one who is over, or whose order is walked by itself (explore.ts, `apart`). */
  readonly buyers: readonly [Buyer | null, Buyer | null];
  readonly left: Budget;
};

/** The faults that may still happen on the way from here: leases that run out under a worker's hands, and others. */
export type Budget = { readonly leases: number; readonly others: number };

export type Buyer = {
  /** What is kept under the buyer's key, for ever. */
  readonly answer: 'none' | 'committed' | 'refused';
  /** What the buyer knows of it: a reply may be lost. */
  readonly told: 'nothing' | 'committed' | 'refused';
  readonly session: 'open' | 'cancelled';
  readonly order: Order | null;
};

export type Order = {
  readonly saga: SagaState;
  readonly payment: PaymentStatus;
  readonly reference: string | null;
  readonly hasRepeatedCall: boolean;
  readonly reservation: 'held' | 'released' | 'sold';
  /** Messages that are alive, by type (and reference), with where the worker stands that has them in hand. */
  readonly messages: ReadonlyMap<string, InHand | null>;
  /** A worker whose lease has run out, and who does not know: it goes on, also when the message is long settled. */
  readonly zombie: { readonly message: string; readonly hand: InHand } | null;
  /** Messages that died: they can be replayed. */
  readonly dead: ReadonlySet<string>;
  readonly provider: ProviderState;
};

/** Where a worker stands with a message between its two transactions. */
export type InHand =
  | { readonly at: 'asking' }
  | { readonly at: 'calling' }
  | { readonly at: 'voiding'; readonly live: readonly string[]; readonly end: string }
  | { readonly at: 'answered'; readonly answer: string };

export type ProviderState = {
  /** Under the key of the authorise call, the first one made first. */
  readonly authorisations: readonly ('authorised' | 'declined' | 'voided')[];
  /** A call that its caller gave up, and that will still arrive. */
  readonly isLate: boolean;
  /** Events that may be delivered, in any order: `authorised r1`. */
  readonly events: ReadonlySet<string>;
};

const gbp = currencyOf('GBP');
const amountMinor = 1_250n;

export const firstWorld = (left: Budget): World => {
  const buyer: Buyer = { answer: 'none', told: 'nothing', session: 'open', order: null };
  return { heldUnits: 0, soldUnits: 0, buyers: [buyer, buyer], left };
};

/** One unit was received: what is left of it. */
export const freeUnits = (world: World): number => 1 - world.heldUnits - world.soldUnits;

const holdStock: StepState = {
  step: 'hold-stock',
  status: 'done',
  undo: 'registered',
  attempts: 1,
  undoAttempts: 0,
  detail: null,
};

/** An order as the commit writes it. */
export const newOrder: Order = {
  saga: {
    definition: onlineOrder,
    status: 'running',
    orderStatus: 'pending',
    cancelCode: null,
    steps: new Map([['hold-stock', holdStock]]),
  },
  payment: 'intended',
  reference: null,
  hasRepeatedCall: false,
  reservation: 'held',
  messages: new Map([['screen-for-fraud', null]]),
  zombie: null,
  dead: new Set(),
  provider: { authorisations: [], isLate: false, events: new Set() },
};

export function paymentOf(order: Order): Payment {
  return {
    paymentId: 'p',
    provider: 'simulated',
    status: order.payment,
    currency: gbp,
    amountMinor,
    authorisedMinor: order.reference === null ? 0n : amountMinor,
    providerReference: order.reference,
    declineCode: order.payment === 'declined' ? 'card_declined' : null,
  };
}

/** The provider's books as `find` gives them. */
export function foundOf(statuses: readonly Authorisation['status'][]): Authorisation[] {
  return statuses.map((status, index) => ({
    providerReference: `r${index}`,
    authoriseKey: 'k',
    reference: 'p',
    status,
    currency: 'GBP',
    authorisedMinor: amountMinor,
    capturedMinor: 0n,
    refundedMinor: 0n,
    declineCode: status === 'declined' ? 'card_declined' : null,
  }));
}

/** Equal for equal states, and short. */
export function nameOf(world: World): string {
  const { heldUnits, soldUnits, buyers, left: budget } = world;
  const [left, right] = buyers.map(nameOfBuyer) as [string, string];
  // The buyers are alike: which of them is the first one makes no difference.
  const both = left < right ? `${left}|${right}` : `${right}|${left}`;
  return `${heldUnits}${soldUnits}${budget.leases}${budget.others}|${both}`;
}

function nameOfBuyer(buyer: Buyer | null): string {
  if (buyer === null) return '';
  return `${buyer.answer},${buyer.told},${buyer.session},${buyer.order === null ? '' : numberOf(buyer.order)}`;
}

const numbers = new WeakMap<Order, number>();
const byName = new Map<string, Order>();

/** The one object that stands for all orders that are equal to this one, so that its moves are worked out once. */
export function known(order: Order): Order {
  if (numbers.has(order)) return order;
  const name = nameOfOrder(order);
  const before = byName.get(name);
  if (before !== undefined) return before;
  numbers.set(order, byName.size);
  byName.set(name, order);
  return order;
}

function numberOf(order: Order): number {
  return numbers.get(known(order)) ?? 0;
}

function nameOfOrder(order: Order): string {
  const { saga, provider } = order;
  const steps = [...saga.steps.values()].map((each) => `${each.step} ${each.status} ${each.undo}`).sort();
  const messages = [...order.messages].map(([type, hand]) => `${type}${handOf(hand)}`).sort();
  return [
    saga.status,
    saga.orderStatus,
    saga.cancelCode,
    ...steps,
    order.payment,
    order.reference,
    order.hasRepeatedCall,
    order.reservation,
    ...messages,
    order.zombie === null ? '-' : `${order.zombie.message}${handOf(order.zombie.hand)}`,
    ...[...order.dead].sort(),
    '+',
    ...provider.authorisations,
    provider.isLate,
    ...[...provider.events].sort(),
  ].join();
}

function handOf(hand: InHand | null): string {
  if (hand === null) return '/';
  if (hand.at === 'answered') return `/${hand.answer}`;
  return hand.at === 'voiding' ? `/voiding ${hand.live} ${hand.end}` : `/${hand.at}`;
}
