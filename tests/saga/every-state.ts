import { orderMachine } from '../../src/orders/order.ts';
import { answersOf } from '../../src/sagas/answers.ts';
import {
  afterDeadline,
  afterReview,
  afterStep,
  afterUndo,
  afterUndoParked,
  pivotPassed,
  registerStep,
  registerUndo,
} from '../../src/sagas/decide.ts';
import { onlineOrder } from '../../src/sagas/online-order.ts';
import {
  type SagaChange,
  type SagaState,
  type StepName,
  type StepOutcome,
  type StepState,
  sagaMachine,
  stepMachine,
  type UndoName,
} from '../../src/sagas/saga.ts';
import { type Machine, mayFollow } from '../../src/shared/transitions.ts';

/**
 * Every state that an order can come to, explored: any step or undo that was sent for may begin at any time, again and
 * again (redelivery), end in any way while others are under way, be parked, and the deadline may pass at any moment.
 * `asked` are the questions to people that are open.
 */
export type World = {
  readonly saga: SagaState;
  readonly sent: ReadonlySet<string>;
  readonly inHand: ReadonlySet<string>;
  readonly asked: ReadonlySet<string>;
};

const steps: readonly StepName[] = ['screen-for-fraud', 'authorise-payment', 'confirm-order'];
const undos: readonly UndoName[] = ['release-stock', 'void-authorisation'];
const outcomes: Readonly<Record<string, readonly StepOutcome[]>> = {
  'screen-for-fraud': [
    { outcome: 'done', detail: 'accepted' },
    { outcome: 'refused', code: 'order_refused', detail: 'refused' },
    { outcome: 'ask-person', reason: 'unusual' },
    { outcome: 'again', reason: 'away' },
  ],
  'authorise-payment': [
    { outcome: 'done', detail: 'authorised' },
    { outcome: 'refused', code: 'payment_failed', detail: 'declined' },
    { outcome: 'again', reason: 'unknown' },
  ],
  'confirm-order': [{ outcome: 'done', detail: 'sold' }],
};

export const held: StepState = {
  step: 'hold-stock',
  status: 'done',
  undo: 'registered',
  attempts: 1,
  undoAttempts: 0,
  detail: null,
};
export const first: World = {
  saga: {
    definition: onlineOrder,
    status: 'running',
    orderStatus: 'pending',
    cancelCode: null,
    steps: new Map([['hold-stock', held]]),
  },
  sent: new Set(['screen-for-fraud']),
  inHand: new Set(),
  asked: new Set(),
};

/** Counters and words do not decide anything, and would make every state a new one. */
function plain(step: StepState): StepState {
  return { ...step, attempts: 1, undoAttempts: 0, detail: null };
}

export function withSteps(saga: SagaState, changed: readonly StepState[]): SagaState {
  return { ...saga, steps: new Map([...saga.steps, ...changed.map((step) => [step.step, plain(step)] as const)]) };
}

function apply(world: World, change: SagaChange, inHand: ReadonlySet<string> = world.inHand): World {
  const { order, status } = change;
  const saga = {
    ...withSteps(world.saga, change.steps),
    ...(status === undefined ? {} : { status }),
    ...(order === undefined
      ? {}
      : { orderStatus: order.status, cancelCode: order.cancelCode ?? world.saga.cancelCode }),
  };
  return { saga, sent: new Set([...world.sent, ...change.send]), inHand, asked: askedAfter(world, change) };
}

/** As applyChange writes them: what the change answers is closed, what it asks is open. */
function askedAfter(world: World, change: SagaChange): ReadonlySet<string> {
  const answers = answersOf(world.saga, change);
  const isAnswered = (asked: string): boolean =>
    answers.some(({ kind, about }) => (about === null ? asked.startsWith(kind) : asked === `${kind} ${about}`));
  const open = [...world.asked].filter((asked) => !isAnswered(asked));
  return new Set([...open, ...change.inbox.map(({ kind, about }) => `${kind} ${about ?? ''}`.trim())]);
}

const without = (names: ReadonlySet<string>, name: string) => new Set([...names].filter((each) => each !== name));

/** All that may happen next. */
export function* nextOf(world: World): Generator<[string, World]> {
  const { saga, sent, inHand } = world;
  for (const step of steps) {
    const row = sent.has(step) && !inHand.has(step) ? registerStep(saga, step) : null;
    if (row !== null)
      yield [`begin ${step}`, { ...world, saga: withSteps(saga, [row]), inHand: new Set([...inHand, step]) }];
    if (!inHand.has(step)) continue;
    yield [`die ${step}`, { ...world, inHand: without(inHand, step) }];
    for (const outcome of outcomes[step] ?? []) {
      yield [`${step} ${outcome.outcome}`, apply(world, afterStep(saga, step, outcome), without(inHand, step))];
    }
  }
  for (const undo of undos) {
    const row = sent.has(undo) && !inHand.has(undo) ? registerUndo(saga, undo) : null;
    if (row !== null)
      yield [`begin ${undo}`, { ...world, saga: withSteps(saga, [row]), inHand: new Set([...inHand, undo]) }];
    if (!inHand.has(undo)) continue;
    yield [`die ${undo}`, { ...world, inHand: without(inHand, undo) }];
    yield [`${undo} done`, apply(world, afterUndo(saga, undo, 'done', []), without(inHand, undo))];
    yield [`${undo} parked`, apply(world, afterUndoParked(saga, undo, 'gave up'), without(inHand, undo))];
  }
  for (const verdict of ['accept', 'refuse'] as const) {
    const change = afterReview(saga, verdict, 'ada');
    if (change !== null) yield [verdict, apply(world, change)];
  }
  if (!orderMachine.final.includes(saga.orderStatus)) yield ['deadline', apply(world, afterDeadline(saga))];
}

function nameOf({ saga, sent, inHand, asked }: World): string {
  const rows = [...saga.steps.values()].map((step) => `${step.step} ${step.status} ${step.undo}`).sort();
  return [
    saga.status,
    saga.orderStatus,
    saga.cancelCode,
    ...rows,
    '|',
    ...[...sent].sort(),
    '|',
    ...[...inHand].sort(),
    '|',
    ...[...asked].sort(),
  ].join();
}

type Explored = { worlds: Map<string, World>; from: Map<string, Set<string>>; faults: Set<string> };

/** From the first state on, whatever may happen, until nothing new comes. */
export function explore(): Explored {
  const worlds = new Map([[nameOf(first), first]]);
  const from = new Map<string, Set<string>>();
  const faults = new Set<string>();
  // A Map's iterator also visits what is added while it runs.
  for (const [name, world] of worlds) {
    for (const [did, next] of nextOf(world)) {
      const found = [...faultsOf(next), ...questionsThatMayNot(next), ...stepsThatMayNot(world, next)];
      for (const fault of found) faults.add(`${did}: ${fault}`);
      const nextName = nameOf(next);
      if (!worlds.has(nextName)) worlds.set(nextName, next);
      from.set(nextName, (from.get(nextName) ?? new Set()).add(name));
    }
  }
  return { worlds, from, faults };
}

/** What must not be true of any state. */
function faultsOf({ saga, sent }: World): string[] {
  const rows = [...saga.steps.values()];
  const open = rows.filter((step) => !['none', 'done'].includes(step.undo));
  const faults: string[] = [];
  if (saga.orderStatus === 'confirmed' && !(saga.status === 'completed' && pivotPassed(saga))) {
    faults.push('confirmed without its payment');
  }
  if (saga.orderStatus === 'confirmed' && rows.some((step) => step.undo !== 'none' && step.undo !== 'registered')) {
    faults.push('confirmed, and something was undone');
  }
  if (saga.status === 'compensating' && open.length === 0) faults.push('going back with nothing left to undo');
  if (saga.orderStatus === 'cancelled' && saga.cancelCode === null) faults.push('cancelled without a reason');
  if (saga.orderStatus === 'cancelled' && open.some((step) => step.step === 'hold-stock')) {
    faults.push('cancelled with its stock held');
  }
  const unsent = open.filter((step) => step.undo === 'registered' && saga.status === 'compensating');
  if (unsent.some((step) => !sent.has(step.step === 'hold-stock' ? 'release-stock' : 'void-authorisation'))) {
    faults.push('an undo that nobody was sent for');
  }
  return faults;
}

/** Where a question is open although its cause is gone, or a cause is there and nobody is asked. */
function questionsThatMayNot({ saga, asked }: World): string[] {
  const faults: string[] = [];
  const open = [...asked];
  if (asked.has('fraud_review') !== (saga.orderStatus === 'on_hold')) faults.push('a review and its order disagree');
  if (saga.orderStatus !== 'pending' && asked.has('step_parked')) faults.push('a step is asked about that is over');
  for (const step of saga.steps.values()) {
    if (step.step !== 'hold-stock' && step.step !== 'authorise-payment') continue;
    const question = `compensation_parked ${step.step === 'hold-stock' ? 'release-stock' : 'void-authorisation'}`;
    if (step.undo === 'parked' && !asked.has(question)) faults.push(`${question}: nobody is told`);
    if (step.undo === 'done' && asked.has(question)) faults.push(`${question}: it is done`);
  }
  const isOver = saga.status === 'completed' || saga.status === 'compensated';
  const isUndone = [...saga.steps.values()].every((step) => ['none', 'done'].includes(step.undo));
  if (saga.orderStatus === 'confirmed' && open.length > 0) faults.push(`confirmed, and asked: ${open.join()}`);
  if (isOver && isUndone && open.length > 0) faults.push(`over, and asked: ${open.join()}`);
  return faults;
}

function stepsThatMayNot(before: World, after: World): string[] {
  const moved = <State extends string>(machine: Machine<State>, from: State, to: State) =>
    from === to || mayFollow(machine, from, to) ? [] : [`${machine.name} from ${from} to ${to}`];
  return [
    ...moved(orderMachine, before.saga.orderStatus, after.saga.orderStatus),
    ...moved(sagaMachine, before.saga.status, after.saga.status),
    ...[...after.saga.steps.values()].flatMap((step) => {
      const known = before.saga.steps.get(step.step);
      return known === undefined ? [] : moved(stepMachine, known.status, step.status);
    }),
  ];
}
