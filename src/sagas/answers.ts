import { isMessageType, type MessageType } from '../messaging/queues.ts';
import {
  type InboxKind,
  isUndone,
  type SagaChange,
  type SagaState,
  type StepState,
  type UndoName,
  undoOf,
} from './saga.ts';

/** A question in the inbox that has its answer. `about` is the undo that it is about; null for whatever it is about. */
export type Answer = { readonly kind: InboxKind; readonly about: UndoName | null; readonly resolution: string };

/**
 * Which open questions about an order a change of it answers: the one rule for every path on which an order moves.
 *
 * - Whether to accept it, and why it does not move, is asked about the state that it is in: answered when it leaves it.
 * - Why it cannot be taken back is asked about an undo: answered when that undo is done, whoever had it run.
 * - Late money is for people alone: nothing that an order does says what became of money that it does not know.
 */
export function answersOf(before: SagaState, change: SagaChange): readonly Answer[] {
  const answers: Answer[] = [];
  const status = change.order?.status ?? before.orderStatus;
  if (status !== before.orderStatus) {
    if (before.orderStatus === 'on_hold') {
      answers.push({ kind: 'fraud_review', about: null, resolution: resolutionOf(change, status) });
    }
    answers.push({ kind: 'step_parked', about: null, resolution: `the order is ${status}` });
  }
  const steps = [...new Map([...before.steps, ...change.steps.map((step) => [step.step, step] as const)]).values()];
  for (const { step, undo } of change.steps) {
    if (undo !== 'done') continue;
    const about = steps.every(isUndone) ? null : undoOf(before, step);
    answers.push({ kind: 'compensation_parked', about, resolution: resolutionOf(change, status) });
  }
  return answers;
}

function resolutionOf(change: SagaChange, status: string): string {
  return (change.answer ?? `the order is ${status}`).slice(0, 255);
}

/**
 * The types of message whose cause a change settles: the step has its outcome, or the undo is done. A dead letter of
 * that cause, left by another message than the one that did it, is not needed any more.
 */
export function causesSettledBy(before: SagaState, change: SagaChange): readonly MessageType[] {
  return change.steps.flatMap((step): MessageType[] => {
    const known = before.steps.get(step.step);
    const hasOutcome = isOutcome(step) && !(known !== undefined && isOutcome(known));
    const isUndoDone = step.undo === 'done' && known?.undo !== 'done';
    return [
      ...(hasOutcome && isMessageType(step.step) ? [step.step] : []),
      ...(isUndoDone ? [undoOf(before, step.step)] : []),
    ];
  });
}

function isOutcome(step: StepState): boolean {
  return step.status === 'done' || step.status === 'refused';
}
