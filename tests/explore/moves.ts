import {
  afterAuthorise,
  afterVoid,
  awaitsAnswer,
  beginAuthorise,
  beginVoid,
  decideCheck,
  decideGiveBack,
  decideHint,
  type PaymentMove,
  type VoidEnd,
} from '../../src/payments/decide.ts';
import type { Authorisation, ProviderOutcome } from '../../src/payments/provider.ts';
import {
  afterDeadline,
  afterReview,
  afterStep,
  afterUndo,
  afterUndoParked,
  registerStep,
  registerUndo,
} from '../../src/sagas/decide.ts';
import type { SagaChange, StepName, StepOutcome, StepState, UndoName } from '../../src/sagas/saga.ts';
import type { UndoOutcome } from '../../src/sagas/steps.ts';
import { type Budget, foundOf, type InHand, known, type Order, paymentOf } from './world.ts';

/** One thing that may happen to an order, and what it leaves. A fault costs one of the budget. */
export type Move = { readonly did: string; readonly fault: keyof Budget | null; readonly order: Order };

const timings = { checkAfterMs: 60_000, absentAfterMs: 30_000, lookAgainAfterMs: 900_000 };
const steps: readonly string[] = ['screen-for-fraud', 'authorise-payment', 'confirm-order'];
const undos: readonly string[] = ['release-stock', 'void-authorisation'];

const moves = new WeakMap<Order, readonly Move[]>();

/** All that may happen to an order next: the moves are those of the runner, and the decisions are the product's own. */
export function movesOf(order: Order): readonly Move[] {
  const stands = known(order);
  const before = moves.get(stands);
  if (before !== undefined) return before;
  const all = [...everyMove(stands)].map((each) => ({ ...each, order: known(each.order) }));
  moves.set(stands, all);
  return all;
}

function* everyMove(order: Order): Generator<Move> {
  for (const [message, hand] of order.messages) {
    if (hand === null) {
      yield* taken(order, message);
      continue;
    }
    yield* handled(order, message, hand, 'holder');
    // A worker that dies is one whose lease runs out, and who then does nothing more.
    if (order.zombie === null) {
      const left = { ...inHand(order, message, null), zombie: { message, hand } };
      yield move(`the lease of ${message} runs out`, left, 'leases');
    }
    // A step that is out of attempts is brought on by the deadline, like one whose message waits.
    if (undos.includes(message)) yield move(`${message} is out of attempts`, buried(order, message), true);
  }
  if (order.zombie !== null) {
    yield* handled(order, order.zombie.message, order.zombie.hand, 'zombie');
    yield move('the zombie dies', { ...order, zombie: null });
  }
  for (const message of order.dead) yield move(`${message} is replayed`, replayed(order, message));
  yield* providerMoves(order);
  yield* clockMoves(order);
}

function move(did: string, order: Order, fault: boolean | 'leases' = false): Move {
  return { did, order, fault: fault === true ? 'others' : fault === false ? null : fault };
}

/** The first transaction of a handler; a step that needs no call ends in it. */
function* taken(order: Order, message: string): Generator<Move> {
  const did = `take ${message}`;
  if (steps.includes(message)) {
    const row = registerStep(order.saga, message as StepName);
    if (row === null) return yield move(did, ended(order, message));
    yield* stepBegun(withStep(order, row), message as StepName, did);
  } else if (undos.includes(message)) {
    const row = registerUndo(order.saga, message as UndoName);
    if (row === null) return yield move(did, ended(order, message));
    yield* undoBegun(withStep(order, row), message as UndoName, did);
  } else if (message === 'check-payment') {
    // It is sent for so much later that whatever was under way has arrived.
    if (order.provider.isLate || order.zombie?.hand.at === 'calling') return;
    yield move(did, isTheSagasOwn(order) ? ended(order, message) : inHand(order, message, { at: 'asking' }));
  } else {
    yield* strayTaken(order, message, did);
  }
}

function* stepBegun(order: Order, name: StepName, did: string): Generator<Move> {
  if (name === 'screen-for-fraud') {
    yield move(`${did}: accept`, stepEnded(order, name, { outcome: 'done', detail: '' }));
    yield move(`${did}: hold`, stepEnded(order, name, { outcome: 'ask-person', reason: '' }));
    const refused: StepOutcome = { outcome: 'refused', code: 'order_refused', detail: '' };
    return yield move(`${did}: refuse`, stepEnded(order, name, refused));
  }
  if (name === 'confirm-order') {
    // The handler asserts that the payment is authorised: if it is not, the message fails, and nothing is written.
    if (order.payment !== 'authorised') return;
    const sold = { ...order, reservation: order.reservation === 'held' ? ('sold' as const) : order.reservation };
    return yield move(did, stepEnded(sold, name, { outcome: 'done', detail: '' }));
  }
  const begun = beginAuthorise(paymentOf(order), timings);
  if (begun.begin === 'answer') return yield move(did, stepEnded(order, name, begun.outcome));
  const hasRepeatedCall = order.hasRepeatedCall || begun.askFirst;
  const intended = moved({ ...order, hasRepeatedCall }, begun.move);
  yield move(did, inHand(intended, name, { at: begun.askFirst ? 'asking' : 'calling' }));
}

function* undoBegun(order: Order, name: UndoName, did: string): Generator<Move> {
  if (name === 'release-stock') {
    const released = {
      ...order,
      reservation: order.reservation === 'held' ? ('released' as const) : order.reservation,
    };
    return yield move(did, undoEnded(released, name, { outcome: 'done', detail: '' }));
  }
  const begun = beginVoid(paymentOf(order), timings);
  if (begun.begin === 'answer') return yield move(did, undoEnded(moved(order, begun.move), name, begun.outcome));
  yield move(did, inHand(moved(order, begun.move), name, { at: 'asking' }));
}

function* strayTaken(order: Order, message: string, did: string): Generator<Move> {
  const reference = message.split(' ')[1] ?? '';
  // Sent for again, later: the state is the same.
  if (awaitsAnswer(paymentOf(order))) return;
  if (order.reference === reference) return yield move(did, ended(order, message));
  yield move(did, inHand(order, message, { at: 'voiding', live: [reference], end: 'stray' }));
}

/** What the provider does with a call under way, and the second transaction once there is an answer. */
function* handled(order: Order, message: string, hand: InHand, who: 'holder' | 'zombie'): Generator<Move> {
  const to = (next: InHand, at: Order = order): Order => inHand(at, message, next, who);
  const lost = to({ at: 'answered', answer: 'unknown' });
  switch (hand.at) {
    case 'asking': {
      const found = order.provider.authorisations;
      yield move(`${who} asks for ${message}`, asked(order, message, to));
      if (message !== 'authorise-payment' || found.length > 0) yield move(`${message}: question lost`, lost, true);
      return;
    }
    case 'calling':
      return yield* called(order, message, to);
    case 'voiding': {
      const [next, ...rest] = hand.live;
      if (next === undefined) return yield move(`${message} voided`, to({ at: 'answered', answer: hand.end }));
      const voided = voidedAt(order, next);
      yield move(`void ${next}`, to({ ...hand, live: rest }, voided));
      yield move(`void ${next}, reply lost`, to({ at: 'answered', answer: 'unknown' }, voided), true);
      return yield move(`void ${next} not arrived`, lost, true);
    }
    case 'answered':
      return yield* settled(order, message, hand.answer, who);
    default:
      return hand satisfies never;
  }
}

function asked(order: Order, message: string, to: (next: InHand) => Order): Order {
  const { authorisations } = order.provider;
  if (message === 'authorise-payment') {
    if (authorisations.length === 0) return to({ at: 'calling' });
    return to({ at: 'answered', answer: `found ${authorisations.join(' ')}` });
  }
  if (message === 'check-payment') return to({ at: 'answered', answer: `found ${authorisations.join(' ')}`.trim() });
  const { live, end } = decideGiveBack(foundOf(authorisations), order.reference);
  const reference = end.end === 'voided' ? ` ${end.providerReference}` : '';
  return to({ at: 'voiding', live: live.map((each) => each.providerReference), end: `${end.end}${reference}` });
}

function* called(order: Order, message: string, to: (next: InHand, at?: Order) => Order): Generator<Move> {
  const { authorisations } = order.provider;
  const unknown: InHand = { at: 'answered', answer: 'unknown' };
  yield move('call cut before it acted', to(unknown), true);
  yield move('call not taken', to({ at: 'answered', answer: 'retryable' }), true);
  if (authorisations.length > 0) {
    // The same key: the answer of the first time, whatever became of it since.
    const answer = authorisations[0] === 'declined' ? 'refused' : 'found authorised';
    return yield move(`${message}: the first answer again`, to({ at: 'answered', answer }));
  }
  const yes = acted(order, ['authorised']);
  const no = acted(order, ['declined']);
  const twice = acted(order, ['authorised', 'authorised']);
  yield move('authorised', to({ at: 'answered', answer: 'found authorised' }, yes));
  yield move('declined', to({ at: 'answered', answer: 'refused' }, no));
  yield move('authorised, reply lost', to(unknown, yes), true);
  yield move('declined, reply lost', to(unknown, no), true);
  yield move('authorised twice', to({ at: 'answered', answer: 'found authorised' }, twice), true);
  if (!order.provider.isLate) {
    const late = { ...order, provider: { ...order.provider, isLate: true } };
    yield move('call given up, still under way', to(unknown, late), true);
  }
}

function* settled(order: Order, message: string, answer: string, who: 'holder' | 'zombie'): Generator<Move> {
  const did = `${who} settles ${message} as ${answer}`;
  if (message === 'authorise-payment') {
    const facts = { isGoingBack: order.saga.status !== 'running', calls: order.hasRepeatedCall ? 2 : 1, timings };
    const { move: next, outcome, strays, looksAgain } = afterAuthorise(paymentOf(order), outcomeOf(answer), facts);
    const sent = [...strays.map((reference) => `stray ${reference}`), ...(looksAgain ? ['check-payment'] : [])];
    const written = withMessages(moved(order, next), sent);
    return yield* fenced(did, order, message, who, outcome, () => stepEnded(written, message, outcome));
  }
  if (message === 'void-authorisation') {
    const end = endOf(answer);
    const settledAs = afterVoid(paymentOf(order), end, 0);
    const written = withMessages(moved(order, settledAs.move), settledAs.looksAgain ? ['check-payment'] : []);
    const { outcome } = settledAs;
    return yield* fenced(did, order, message, who, outcome, () => undoEnded(written, message, outcome));
  }
  if (answer === 'unknown') return yield move(did, inHand(order, message, null, who));
  if (who === 'zombie') return yield move(did, inHand(order, message, null, who));
  if (message !== 'check-payment') return yield move(did, ended(order, message));
  yield move(did, ended(compared(order, answer), message));
}

/**
 * The end of a handler: a zombie's is rolled back whole, because its lease is no longer good. An outcome `again` writes
 * what is known, and leaves the message to be taken again.
 */
function* fenced(
  did: string,
  order: Order,
  message: string,
  who: 'holder' | 'zombie',
  outcome: StepOutcome | UndoOutcome,
  write: () => Order,
): Generator<Move> {
  if (who === 'zombie')
    return yield move(did, inHand(outcome.outcome === 'again' ? write() : order, message, null, who));
  if (outcome.outcome !== 'again') return yield move(did, write());
  yield move(did, inHand(write(), message, null, who));
}

function compared(order: Order, answer: string): Order {
  const decided = decideCheck(paymentOf(order), foundIn(answer));
  if (decided.check === 'strays')
    return withMessages(
      order,
      decided.references.map((each) => `stray ${each}`),
    );
  if (decided.check !== 'send-back') return order;
  const step = order.saga.steps.get('authorise-payment');
  if (step === undefined) throw new Error('money for an order that never called');
  const reference = decided.found.providerReference;
  const back = { ...order, payment: 'voiding' as const, reference };
  return withMessages(withStep(back, { ...step, undo: 'registered' }), ['void-authorisation']);
}

function* providerMoves(order: Order): Generator<Move> {
  const { provider } = order;
  if (provider.isLate) {
    const arrived = { ...order, provider: { ...provider, isLate: false } };
    yield move(
      'the late call is authorised',
      provider.authorisations.length > 0 ? arrived : acted(arrived, ['authorised']),
    );
    if (provider.authorisations.length === 0) yield move('the late call is declined', acted(arrived, ['declined']));
  }
  for (const event of provider.events) {
    const [type = '', reference = ''] = event.split(' ');
    const events = new Set([...provider.events].filter((each) => each !== event));
    const told = { ...order, provider: { ...provider, events } };
    const hint = decideHint(
      { type: `authorisation.${type}`, providerReference: reference },
      { status: order.payment, providerReference: order.reference },
    );
    const sent = [...(hint.mayBeStray ? [`stray ${reference}`] : []), ...(hint.asks ? ['check-payment'] : [])];
    yield move(`event ${event}`, withMessages(told, sent));
    // The one event of a second authorisation is the only sign of it (docs/decisions/0013).
    if (reference === 'r0') yield move(`event ${event} is lost`, told, true);
  }
}

/** Time passes, and people decide. */
function* clockMoves(order: Order): Generator<Move> {
  const { saga } = order;
  if (saga.orderStatus !== 'confirmed' && saga.orderStatus !== 'cancelled') {
    yield move('deadline', applied(order, afterDeadline(saga)));
  }
  for (const verdict of ['accept', 'refuse'] as const) {
    const change = afterReview(saga, verdict, 'ada');
    if (change !== null) yield move(verdict, applied(order, change));
  }
  const isParked = [...saga.steps.values()].some((each) => each.undo === 'parked');
  if (['authorising', 'unknown', 'voiding'].includes(order.payment) && !isParked) {
    const type = order.payment === 'voiding' ? 'void-authorisation' : 'authorise-payment';
    if (!order.messages.has(type)) yield move(`sweep ${type}`, withMessages(order, [type]));
  }
}

function isTheSagasOwn({ saga, payment }: Order): boolean {
  const isOpen = ['authorising', 'unknown', 'intended'].includes(payment);
  return (saga.status === 'running' && isOpen) || payment === 'voiding';
}

function foundIn(answer: string): Authorisation[] {
  return foundOf(
    answer
      .split(' ')
      .slice(1)
      .filter((word) => word !== '') as Authorisation['status'][],
  );
}

function outcomeOf(answer: string): ProviderOutcome<readonly Authorisation[]> {
  if (answer === 'unknown') return { outcome: 'unknown', reason: '' };
  if (answer === 'retryable') return { outcome: 'retryable', reason: '' };
  if (answer === 'refused') return { outcome: 'refused', code: 'card_declined', reason: '' };
  return { outcome: 'done', value: foundIn(answer) };
}

function endOf(answer: string): VoidEnd {
  const [end, providerReference = ''] = answer.split(' ');
  if (end === 'voided') return { end, providerReference, authorisedMinor: 1_250n };
  if (end === 'declined') return { end, declineCode: 'card_declined' };
  return end === 'absent' ? { end } : { end: 'open', reason: '' };
}

function acted(order: Order, made: readonly ('authorised' | 'declined')[]): Order {
  const { provider } = order;
  const events = new Set([...provider.events, ...made.map((status, index) => `${status} r${index}`)]);
  return { ...order, provider: { ...provider, authorisations: made, events } };
}

function voidedAt(order: Order, reference: string): Order {
  const authorisations = order.provider.authorisations.map((status, index) =>
    `r${index}` === reference && status === 'authorised' ? ('voided' as const) : status,
  );
  return { ...order, provider: { ...order.provider, authorisations } };
}

function moved(order: Order, change: PaymentMove | null): Order {
  if (change === null) return order;
  return { ...order, payment: change.status, reference: change.providerReference ?? order.reference };
}

function stepEnded(order: Order, name: string, outcome: StepOutcome): Order {
  const written = applied(order, afterStep(order.saga, name as StepName, outcome));
  return outcome.outcome === 'again' ? written : ended(written, name);
}

function undoEnded(order: Order, name: string, outcome: UndoOutcome): Order {
  if (outcome.outcome === 'again') return order;
  return ended(applied(order, afterUndo(order.saga, name as UndoName, '', [])), name);
}

function buried(order: Order, message: string): Order {
  const rest = { ...ended(order, message), dead: new Set([...order.dead, message]) };
  return undos.includes(message) ? applied(rest, afterUndoParked(rest.saga, message as UndoName, '')) : rest;
}

function replayed(order: Order, message: string): Order {
  const dead = new Set([...order.dead].filter((each) => each !== message));
  return withMessages({ ...order, dead }, [message]);
}

/** Counters and words decide nothing, and would make every state a new one. */
function plain(step: StepState): StepState {
  return { ...step, attempts: 1, undoAttempts: 0, detail: null };
}

function withStep(order: Order, step: StepState): Order {
  return { ...order, saga: { ...order.saga, steps: new Map(order.saga.steps).set(step.step, plain(step)) } };
}

/** As sagas/saga.sql.ts writes a change: with the payment of a cancelled order that was never called for. */
export function applied(order: Order, change: SagaChange): Order {
  const stepped = change.steps.reduce(withStep, order);
  const saga = {
    ...stepped.saga,
    ...(change.status === undefined ? {} : { status: change.status }),
    ...(change.order === undefined
      ? {}
      : { orderStatus: change.order.status, cancelCode: change.order.cancelCode ?? stepped.saga.cancelCode }),
  };
  const isNeverPaid = saga.orderStatus === 'cancelled' && order.payment === 'intended';
  return withMessages({ ...stepped, saga, payment: isNeverPaid ? 'abandoned' : stepped.payment }, change.send);
}

function withMessages(order: Order, types: readonly string[]): Order {
  const fresh = types.filter((type) => !order.messages.has(type));
  if (fresh.length === 0) return order;
  return { ...order, messages: new Map([...order.messages, ...fresh.map((type) => [type, null] as const)]) };
}

function inHand(order: Order, message: string, hand: InHand | null, who: 'holder' | 'zombie' = 'holder'): Order {
  if (who === 'zombie') return { ...order, zombie: hand === null ? null : { message, hand } };
  return { ...order, messages: new Map(order.messages).set(message, hand) };
}

function ended(order: Order, message: string): Order {
  const messages = new Map(order.messages);
  messages.delete(message);
  return { ...order, messages };
}
