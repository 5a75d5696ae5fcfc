import type { NewEvent } from '../messaging/events.ts';
import type { MessageType } from '../messaging/queues.ts';
import { type OrderStatus, orderMachine } from '../orders/order.ts';
import { assert, never, present } from '../shared/assert.ts';
import type { RefusalCode } from '../shared/refusals.ts';
import { mayFollow } from '../shared/transitions.ts';
import {
  definitionOf,
  isUndone,
  type SagaChange,
  type SagaDefinition,
  type SagaState,
  type StepDefinition,
  type StepName,
  type StepOutcome,
  type StepState,
  stepOfUndo,
  type UndoName,
  undoOf,
} from './saga.ts';

const unchanged: SagaChange = { steps: [], send: [], events: [], audit: [], inbox: [] };

/** The step's row with its undo registered: written before the step acts. Null if the step must not run (any more). */
export function registerStep(state: SagaState, name: StepName): StepState | null {
  const definition = definitionOf(state, name);
  const known = state.steps.get(name);
  if (state.status !== 'running' || (known !== undefined && known.status !== 'running')) return null;
  const undo = definition.undo === null ? 'none' : 'registered';
  if (known === undefined) return { step: name, status: 'running', undo, attempts: 1, undoAttempts: 0, detail: null };
  return { ...known, attempts: known.attempts + 1 };
}

/** What follows from a step's outcome. A success that comes while the saga goes back is undone again. */
export function afterStep(state: SagaState, name: StepName, outcome: StepOutcome): SagaChange {
  const known = present(state.steps.get(name), `the row of step ${name}`);
  switch (outcome.outcome) {
    case 'again':
      return { ...unchanged, steps: [{ ...known, detail: outcome.reason }] };
    case 'ask-person':
      return askPerson(state, known, outcome.reason);
    case 'refused':
      return known.status === 'running' && state.status === 'running'
        ? goBack(
            withStep(state, { ...known, status: 'refused', detail: outcome.detail }),
            outcome.code,
            outcome.events,
            known.step,
          )
        : { ...unchanged, events: outcome.events ?? [] };
    case 'done':
      return state.status === 'running' ? goOn(state, known, outcome) : lateSuccess(state, known, outcome);
    default:
      return never(outcome, 'afterStep');
  }
}

function goOn(
  state: SagaState,
  known: StepState,
  outcome: { detail: string; events?: readonly NewEvent[] },
): SagaChange {
  const done: StepState = { ...known, status: 'done', detail: outcome.detail };
  const steps = state.definition.steps;
  const next = steps[steps.findIndex((each) => each.step === known.step) + 1];
  const events = outcome.events ?? [];
  const audit = [{ action: `${known.step} done`, detail: outcome.detail }];
  if (next !== undefined) return { ...unchanged, steps: [done], send: [messageOf(next)], events, audit };
  assertOrderMay(state, 'confirmed');
  return {
    ...unchanged,
    status: 'completed',
    order: { status: 'confirmed', deadlineInMs: null },
    steps: [done],
    events,
    audit,
  };
}

function lateSuccess(
  state: SagaState,
  known: StepState,
  outcome: { detail: string; events?: readonly NewEvent[] },
): SagaChange {
  const { undo } = definitionOf(state, known.step);
  const step: StepState = {
    ...known,
    status: known.status === 'running' ? 'refused' : known.status,
    detail: outcome.detail,
  };
  const audit = [{ action: `${known.step} done too late`, detail: outcome.detail }];
  if (undo === null) return { ...unchanged, steps: [step], events: outcome.events ?? [], audit };
  return { ...unchanged, steps: [{ ...step, undo: 'registered' }], send: [undo], events: outcome.events ?? [], audit };
}

function askPerson(state: SagaState, known: StepState, reason: string): SagaChange {
  if (state.status !== 'running') return unchanged;
  assertOrderMay(state, 'on_hold');
  return {
    ...unchanged,
    status: 'waiting',
    order: { status: 'on_hold', deadlineInMs: state.definition.reviewWithinMs },
    steps: [{ ...known, status: 'waiting', detail: reason }],
    events: [{ type: 'OrderHeld', data: { reason: reason.slice(0, 255) } }],
    audit: [{ action: 'held for a person', detail: reason }],
    inbox: [{ kind: 'fraud_review', reason }],
  };
}

/**
 * Begins compensation: every registered undo is sent, each on its own; with nothing to undo the order is cancelled at
 * once.
 */
export function goBack(
  state: SagaState,
  code: RefusalCode,
  events: readonly NewEvent[] = [],
  refusedStep: StepName | null = null,
): SagaChange {
  assertOrderMay(state, 'cancelling');
  assert(!pivotPassed(state), 'no way back after the pivot');
  const toUndo = [...state.steps.values()].filter((each) => each.undo === 'registered');
  const stopped = [...state.steps.values()]
    .filter((each) => each.status === 'waiting')
    .map((each): StepState => ({ ...each, status: 'refused' }));
  const refused = refusedStep === null ? [] : [present(state.steps.get(refusedStep), 'the refused step')];
  const steps = new Map([...stopped, ...refused].map((each) => [each.step, each]));
  return {
    ...unchanged,
    status: 'compensating',
    order: { status: 'cancelling', cancelCode: code, deadlineInMs: state.definition.settleWithinMs },
    steps: [...steps.values()],
    send: toUndo.map((each) => undoOf(state, each.step)),
    events: [...events, { type: 'OrderCancelling', data: { code } }],
    audit: [{ action: 'going back', detail: code }],
  };
}

/** A person accepts or refuses a held order. Null if the order is not held. */
export function afterReview(state: SagaState, verdict: 'accept' | 'refuse', by: string): SagaChange | null {
  const waiting = [...state.steps.values()].find((each) => each.status === 'waiting');
  if (state.status !== 'waiting' || waiting === undefined) return null;
  if (verdict === 'refuse') {
    const refused = withStep(state, { ...waiting, status: 'refused', detail: `refused by ${by}` });
    return { ...goBack(refused, 'order_refused', [], waiting.step), answer: 'order refused' };
  }
  const accepted = { ...state, status: 'running' as const, orderStatus: 'pending' as const };
  const onward = goOn(accepted, waiting, { detail: `accepted by ${by}` });
  return {
    ...onward,
    status: 'running',
    order: { status: 'pending', deadlineInMs: state.definition.withinMs },
    events: [{ type: 'OrderReleased', data: { by: by.slice(0, 255) } }, ...onward.events],
    answer: 'order accepted',
  };
}

/**
 * The undo's row before it acts. Null if there is nothing (left) to undo. One that was parked stays so until it is
 * done, however often it is tried: a state that changed with every try would be news to nobody.
 */
export function registerUndo(state: SagaState, undo: UndoName): StepState | null {
  const known = state.steps.get(stepOfUndo(state, undo).step);
  const mayRun = known !== undefined && ['registered', 'running', 'parked'].includes(known.undo);
  if (!mayRun || state.status === 'running' || state.status === 'waiting' || state.status === 'completed') return null;
  const undoStatus = known.undo === 'parked' ? 'parked' : 'running';
  return { ...known, undo: undoStatus, undoAttempts: known.undoAttempts + 1 };
}

/** What follows from a finished undo: when all are done, the order is cancelled. */
export function afterUndo(state: SagaState, undo: UndoName, detail: string, events: readonly NewEvent[]): SagaChange {
  const { step } = stepOfUndo(state, undo);
  const known = present(state.steps.get(step), `the row of step ${step}`);
  // What stands there of a parked undo is why it failed.
  const done: StepState = { ...known, undo: 'done', detail: known.undo === 'parked' ? detail : known.detail };
  const audit = [{ action: `${undo} done`, detail }];
  const undone = { ...unchanged, steps: [done], events, audit, answer: `${undo} is done: ${detail}` };
  const open = [...withStep(state, done).steps.values()].filter((each) => !isUndone(each));
  // A late success of an order that is cancelled already is undone again, and the order stays as it is.
  if (state.orderStatus === 'cancelled') return undone;
  if (open.length > 0) {
    // What else is parked keeps the saga parked.
    const isParked = open.some((each) => each.undo === 'parked');
    return state.status === 'parked' && !isParked ? { ...undone, status: 'compensating' } : undone;
  }
  assertOrderMay(state, 'cancelled');
  const code = present(state.cancelCode, 'why the order is cancelled');
  const abandoned = [...withStep(state, done).steps.values()]
    .filter((each) => each.status === 'running')
    .map((each): StepState => ({ ...each, status: 'abandoned' }));
  return {
    ...undone,
    status: 'compensated',
    order: { status: 'cancelled', deadlineInMs: null },
    steps: [...abandoned.filter((each) => each.step !== step), abandoned.find((each) => each.step === step) ?? done],
    events: [...events, { type: 'OrderCancelled', data: { code } }],
  };
}

/**
 * An undo used up its attempts: a person is told, and the saga is parked until it is done. A retry that fails as well
 * is no news for the audit trail, which would grow for as long as an outage lasts: the letter keeps its attempts.
 */
export function afterUndoParked(state: SagaState, undo: UndoName, reason: string): SagaChange {
  const known = state.steps.get(stepOfUndo(state, undo).step);
  if (known === undefined || isUndone(known)) return unchanged;
  return {
    ...unchanged,
    ...(state.status === 'compensating' ? { status: 'parked' as const } : {}),
    steps: [{ ...known, undo: 'parked', detail: reason }],
    audit: known.undo === 'parked' ? [] : [{ action: `${undo} parked`, detail: reason }],
    inbox: [{ kind: 'compensation_parked', about: undo, reason: `${undo}: ${reason}` }],
  };
}

/** What the sweeper does with an order whose deadline has passed: back before the pivot, forward after it. */
export function afterDeadline(state: SagaState): SagaChange {
  const { settleWithinMs } = state.definition;
  switch (state.orderStatus) {
    case 'on_hold':
      return { ...goBack(state, 'order_refused'), answer: 'nobody decided in time: the order was refused' };
    case 'pending': {
      if (!pivotPassed(state)) return goBack(state, 'payment_timed_out', []);
      const next = state.definition.steps.find((each) => state.steps.get(each.step)?.status !== 'done');
      return {
        ...unchanged,
        order: { status: 'pending', deadlineInMs: settleWithinMs },
        send: next === undefined ? [] : [messageOf(next)],
        audit: [{ action: 'overdue, sent again', detail: next?.step ?? null }],
        inbox: [
          { kind: 'step_parked', reason: `${next?.step ?? 'a step'} is overdue after the payment was authorised` },
        ],
      };
    }
    case 'cancelling':
      return afterLongWayBack(state);
    case 'confirmed':
    case 'cancelled':
      return unchanged;
    default:
      return never(state.orderStatus, 'afterDeadline');
  }
}

/** Going back takes too long: what is not parked is sent for again, and a person is told of each undo that is open. */
function afterLongWayBack(state: SagaState): SagaChange {
  const open = [...state.steps.values()].filter((each) => !isUndone(each));
  const again = open.filter((each) => each.undo !== 'parked').map((each) => undoOf(state, each.step));
  return {
    ...unchanged,
    order: { status: 'cancelling', deadlineInMs: state.definition.settleWithinMs },
    send: again,
    audit: again.length === 0 ? [] : [{ action: 'overdue, sent again', detail: again.join(', ') }],
    inbox: open.map((each) => {
      const undo = undoOf(state, each.step);
      const reason = each.undo === 'parked' ? `${undo}: ${each.detail ?? 'parked'}` : `${undo} takes too long`;
      return { kind: 'compensation_parked', about: undo, reason };
    }),
  };
}

/** Whether the saga has passed the step after which it only goes forward. */
export function pivotPassed(state: SagaState): boolean {
  return state.definition.steps.some((each) => each.pivot === true && state.steps.get(each.step)?.status === 'done');
}

export function firstMessage(definition: SagaDefinition): MessageType {
  return messageOf(
    present(
      definition.steps.find((each) => each.in === 'message'),
      'a step that is a message',
    ),
  );
}

function messageOf(step: StepDefinition): MessageType {
  assert(step.step !== 'hold-stock', 'hold-stock is done in the commit');
  return step.step;
}

function withStep(state: SagaState, step: StepState): SagaState {
  return { ...state, steps: new Map([...state.steps, [step.step, step]]) };
}

function assertOrderMay(state: SagaState, to: OrderStatus): void {
  const from = state.orderStatus;
  assert(from === to || mayFollow(orderMachine, from, to), `an order may go from ${from} to ${to}`);
}
