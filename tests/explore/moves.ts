import {
  afterAuthorise,
  afterVoid,
  awaitsAnswer,
  beginAuthorise,
  beginVoid,
  decideCheck,
  decideGiveBack,
} from '../../src/payments/decide.ts';
import { registerStep, registerUndo } from '../../src/sagas/decide.ts';
import type { StepName, StepOutcome, UndoName } from '../../src/sagas/saga.ts';
import type { UndoOutcome } from '../../src/sagas/steps.ts';
import { type Move, move } from './move.ts';
import { outsideMoves } from './outside.ts';
import { foundOf, type InHand, known, type Order, paymentOf } from './world.ts';
import {
  acted,
  buried,
  ended,
  endOf,
  foundIn,
  inHand,
  isTheSagasOwn,
  moved,
  outcomeOf,
  replayed,
  stepEnded,
  undoEnded,
  undos,
  voidedAt,
  withMessages,
  withStep,
} from './writes.ts';

const timings = { checkAfterMs: 60_000, absentAfterMs: 30_000, lookAgainAfterMs: 900_000 };
const steps: readonly string[] = ['screen-for-fraud', 'authorise-payment', 'confirm-order'];

/** What is left out of the walk: for canaries, which plant a fault that the walk must find. */
export type Plant =
  | 'a worker without its lease writes what it learned'
  | 'a void without an answer counts as done'
  | null;

const moves = new Map<Plant, WeakMap<Order, readonly Move[]>>();

/** All that may happen to an order next: the moves are those of the runner, and the decisions are the product's own. */
export function movesOf(order: Order, plant: Plant = null): readonly Move[] {
  const stands = known(order);
  const under = moves.get(plant) ?? new WeakMap<Order, readonly Move[]>();
  moves.set(plant, under);
  const before = under.get(stands);
  if (before !== undefined) return before;
  const all = [...everyMove(stands, plant)].map((each) => ({ ...each, order: known(each.order) }));
  under.set(stands, all);
  return all;
}

function* everyMove(order: Order, plant: Plant): Generator<Move> {
  for (const [message, hand] of order.messages) {
    if (hand === null) {
      yield* taken(order, message);
      continue;
    }
    yield* handled(order, message, hand, 'holder', plant);
    // A worker that dies is one whose lease runs out, and who then does nothing more.
    if (order.zombie === null) {
      const left = { ...inHand(order, message, null), zombie: { message, hand } };
      yield move(`the lease of ${message} runs out`, left, 'leases');
    }
    // A step that is out of attempts is brought on by the deadline, like one whose message waits.
    if (undos.includes(message)) yield move(`${message} is out of attempts`, buried(order, message), true);
  }
  if (order.zombie !== null) {
    yield* handled(order, order.zombie.message, order.zombie.hand, 'zombie', plant);
    yield move('the zombie dies', { ...order, zombie: null });
  }
  for (const message of order.dead) yield move(`${message} is replayed`, replayed(order, message));
  yield* outsideMoves(order);
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
function* handled(
  order: Order,
  message: string,
  hand: InHand,
  who: 'holder' | 'zombie',
  plant: Plant,
): Generator<Move> {
  const to = (next: InHand, at: Order = order): Order => inHand(at, message, next, who);
  const lost = to({ at: 'answered', answer: 'unknown' });
  switch (hand.at) {
    case 'asking': {
      // The last check comes so long after the last call that whatever was under way has arrived.
      if (message === 'check-payment' && isCallUnderWay(order)) return;
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
      return yield* settled(order, message, hand.answer, who, plant);
    default:
      return hand satisfies never;
  }
}

function isCallUnderWay({ provider, zombie, messages }: Order): boolean {
  return provider.isLate || [zombie?.hand, messages.get('authorise-payment')].some((hand) => hand?.at === 'calling');
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

function* settled(
  order: Order,
  message: string,
  answer: string,
  who: 'holder' | 'zombie',
  plant: Plant,
): Generator<Move> {
  const did = `${who} settles ${message} as ${answer}`;
  if (message === 'authorise-payment') {
    const facts = { isGoingBack: order.saga.status !== 'running', calls: order.hasRepeatedCall ? 2 : 1, timings };
    const { move: next, outcome, strays, looksAgain } = afterAuthorise(paymentOf(order), outcomeOf(answer), facts);
    const sent = [...strays.map((reference) => `stray ${reference}`), ...(looksAgain ? ['check-payment'] : [])];
    const written = withMessages(moved(order, next), sent);
    return yield* fenced(did, order, message, who, outcome, plant, () => stepEnded(written, message, outcome));
  }
  if (message === 'void-authorisation') {
    const isTrusted = plant === 'a void without an answer counts as done' && answer === 'unknown';
    const end = endOf(isTrusted ? 'voided r0' : answer);
    const settledAs = afterVoid(paymentOf(order), end, 0);
    const written = withMessages(moved(order, settledAs.move), settledAs.looksAgain ? ['check-payment'] : []);
    const { outcome } = settledAs;
    return yield* fenced(did, order, message, who, outcome, plant, () => undoEnded(written, message, outcome));
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
  plant: Plant,
  write: () => Order,
): Generator<Move> {
  const isAgain = outcome.outcome === 'again';
  const mayWrite = who === 'holder' || (isAgain && plant === 'a worker without its lease writes what it learned');
  const written = mayWrite ? write() : order;
  yield move(did, who === 'zombie' || isAgain ? inHand(written, message, null, who) : written);
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
