import type { Message } from '../messaging/message.ts';
import { keepLeaseOrRetry, settleOrRetry } from '../messaging/messages.sql.ts';
import { messageTypes } from '../messaging/queues.ts';
import type { Waker } from '../messaging/waker.ts';
import type { Handler } from '../messaging/worker.run.ts';
import { present } from '../shared/assert.ts';
import { Retry } from '../shared/failure.ts';
import type { NewId } from '../shared/ids.ts';
import type { Database, Transaction } from '../shared/postgres/client.ts';
import { type Cohort, cohortLimits, createCohort } from '../shared/postgres/cohort.ts';
import { applyChange } from './change.sql.ts';
import { afterStep, afterUndo, afterUndoParked, registerStep, registerUndo } from './decide.ts';
import { lockOrder, type SagaOrder } from './saga.sql.ts';
import type { SagaChange, StepName, StepState, UndoName } from './saga.ts';
import type { Registered, StepHandler, UndoHandler, Work } from './steps.ts';

export type RunnerOptions = {
  readonly database: Database;
  readonly newId: NewId;
  readonly waker: Waker;
  /** Written into the audit trail: this process. */
  readonly actor: string;
  /** Who owns what the machine cannot settle. */
  readonly inboxOwner: string;
};

/** The consumer under which saga messages take effect once. */
export const sagaConsumer = 'saga';

/**
 * Runs a step: registers it with its undo and writes the intent; calls out; writes the result, what follows from it and
 * the end of the message in one transaction. A step that needs no call takes one transaction. Redelivery is normal: a
 * step that is done is not done again, one that was begun asks first what became of it.
 */
export function stepRunner(options: RunnerOptions, name: StepName, handler: StepHandler): Handler {
  const cohort = cohortOf(options);
  return {
    handle: (message) =>
      run(options, cohort, message, {
        register: (order) => registerStep(order.saga, name),
        begin: (tx, order) => handler.begin(tx, order),
        follow: (order, outcome) => afterStep(order.saga, name, outcome),
      }),
  };
}

/** Runs an undo in the same way. When its attempts are used up it is parked for a person. */
export function undoRunner(options: RunnerOptions, name: UndoName, handler: UndoHandler): Handler {
  const cohort = cohortOf(options);
  return {
    handle: (message) =>
      run(options, cohort, message, {
        register: (order) => registerUndo(order.saga, name),
        begin: (tx, order) => handler.begin(tx, order),
        follow: (order, outcome) =>
          outcome.outcome === 'done' ? afterUndo(order.saga, name, outcome.detail, outcome.events ?? []) : nothing,
      }),
    async onDead(tx, message, reason) {
      const order = await lockOrder(tx, present(message.orderId, 'the order of an undo'), message.traceparent);
      if (order !== null) await write(options, tx, order, afterUndoParked(order.saga, name, reason));
    },
  };
}

/**
 * One for each step: transactions of one kind ask for the same in the same order, so that what they lock they lock in
 * one order.
 */
function cohortOf({ database }: RunnerOptions): Cohort {
  return createCohort({ database, ...cohortLimits });
}

const nothing: SagaChange = { steps: [], send: [], events: [], audit: [], inbox: [] };

type Again = { readonly outcome: 'again'; readonly reason: string; readonly retryAfterMs?: number };

type Plan<Outcome extends { outcome: string } | Again> = {
  register(order: SagaOrder): StepState | null;
  begin(tx: Transaction, order: Registered): Promise<Work<Outcome>>;
  follow(order: SagaOrder, outcome: Outcome): SagaChange;
};

async function run<Outcome extends { outcome: string }>(
  options: RunnerOptions,
  cohort: Cohort,
  message: Message,
  plan: Plan<Outcome>,
): Promise<void> {
  const orderId = present(message.orderId, 'the order of a saga message');
  const begun = await cohort.transaction(orderId, async (tx) => {
    const order = await lockOrder(tx, orderId, message.traceparent);
    const row = order === null ? null : plan.register(order);
    if (order === null || row === null) {
      // The saga has moved on: the message is late, and its effect is there or no longer wanted.
      await settleOrRetry(tx, message, sagaConsumer);
      return { finished: null };
    }
    const registered = withStep(order, row);
    const work = await plan.begin(tx, registered as Registered);
    if ('now' in work) return { finished: await finish(options, tx, registered, message, plan, work.now, row) };
    await write(options, tx, registered, { ...nothing, steps: [row] });
    return { call: work.call };
  });
  if ('finished' in begun) return after(options, begun.finished);
  const settle = await begun.call();
  const finished = await cohort.transaction(orderId, async (tx) => {
    const order = present(
      await lockOrder(tx, orderId, message.traceparent),
      'the order that was there before the call',
    );
    return await finish(options, tx, order, message, plan, await settle(tx, order));
  });
  after(options, finished);
}

type Finished = { readonly send: readonly (keyof typeof messageTypes)[]; readonly again: Again | null };

async function finish<Outcome extends { outcome: string }>(
  options: RunnerOptions,
  tx: Transaction,
  order: SagaOrder,
  message: Message,
  plan: Plan<Outcome>,
  outcome: Outcome,
  begun: StepState | null = null,
): Promise<Finished> {
  const change = withBegun(plan.follow(order, outcome), begun);
  await write(options, tx, order, change);
  if (isAgain(outcome)) {
    // What a worker learns whose lease has run out must not be written over what the new holder has written: its
    // "unknown" would take an authorised payment back.
    await keepLeaseOrRetry(tx, message);
    return { send: change.send, again: outcome };
  }
  await settleOrRetry(tx, message, sagaConsumer);
  return { send: change.send, again: null };
}

/** A step that took one transaction is registered by what that writes at its end. */
function withBegun(change: SagaChange, begun: StepState | null): SagaChange {
  if (begun === null || change.steps.some(({ step }) => step === begun.step)) return change;
  return { ...change, steps: [begun, ...change.steps] };
}

function isAgain(outcome: { outcome: string }): outcome is Again {
  return outcome.outcome === 'again';
}

async function write(options: RunnerOptions, tx: Transaction, order: SagaOrder, change: SagaChange): Promise<void> {
  const isEmpty = change.status === undefined && change.order === undefined;
  const lists = [change.steps, change.send, change.events, change.audit, change.inbox];
  if (isEmpty && lists.every((list) => list.length === 0)) return;
  await applyChange(tx, order, change, { actor: options.actor, newId: options.newId, owner: options.inboxOwner });
}

function after(options: RunnerOptions, finished: Finished | null): void {
  if (finished === null) return;
  if (finished.send.length > 0) options.waker.wake(finished.send.map((type) => messageTypes[type].queue));
  if (finished.again === null) return;
  throw new Retry(finished.again.reason, { retryAfterMs: finished.again.retryAfterMs });
}

function withStep(order: SagaOrder, step: StepState): SagaOrder {
  const steps = new Map(order.saga.steps).set(step.step, step);
  return { ...order, saga: { ...order.saga, steps } };
}
