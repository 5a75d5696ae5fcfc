import type { NewEvent } from '../messaging/events.ts';
import type { MessageType } from '../messaging/queues.ts';
import type { OrderStatus } from '../orders/order.ts';
import { present } from '../shared/assert.ts';
import type { RefusalCode } from '../shared/refusals.ts';
import type { Machine } from '../shared/transitions.ts';

/** A saga as data. A step's undo stands beside it and is registered, in one transaction, before the step may act. */
export type SagaDefinition = {
  readonly name: string;
  readonly version: number;
  readonly steps: readonly StepDefinition[];
  readonly withinMs: number;
  readonly reviewWithinMs: number;
  readonly settleWithinMs: number;
};

export type StepDefinition = {
  readonly step: StepName;
  /** For people. */
  readonly does: string;
  /** Done in the order's own commit, or by the handler of the message type that bears the step's name. */
  readonly in: 'commit' | 'message';
  /** The message type that takes the step back; null for a step that leaves nothing behind. */
  readonly undo: UndoName | null;
  /** After this step there is no way back. */
  readonly pivot?: true;
};

export type StepName = 'hold-stock' | 'screen-for-fraud' | 'authorise-payment' | 'confirm-order';
export type UndoName = 'release-stock' | 'void-authorisation';

export type SagaStatus = 'running' | 'waiting' | 'compensating' | 'completed' | 'compensated' | 'parked';

export const sagaMachine: Machine<SagaStatus> = {
  name: 'saga',
  initial: 'running',
  final: ['completed', 'compensated'],
  transitions: {
    running: {
      waiting: 'a person must decide',
      compensating: 'refused or out of time',
      completed: 'the last step is done',
    },
    waiting: { running: 'a person accepted', compensating: 'a person refused, or nobody decided' },
    compensating: { compensated: 'every undo is done', parked: 'an undo is out of attempts' },
    parked: { compensating: 'the parked undo is done, others are not', compensated: 'every undo is done' },
    completed: {},
    compensated: {},
  },
};

export type StepStatus = 'running' | 'waiting' | 'done' | 'refused' | 'abandoned';

export const stepMachine: Machine<StepStatus> = {
  name: 'saga step',
  initial: 'running',
  final: ['done', 'refused', 'abandoned'],
  transitions: {
    running: {
      done: 'took effect',
      refused: 'will not be done',
      waiting: 'a person must decide',
      abandoned: 'the saga went back while it ran',
    },
    waiting: { done: 'a person accepted', refused: 'a person refused, or nobody decided' },
    done: {},
    refused: {},
    abandoned: {},
  },
};

/** `parked`: out of attempts. It stays so while it is tried again, until it is done. */
export type UndoStatus = 'none' | 'registered' | 'running' | 'done' | 'parked';

/** How long a parked undo rests after each death before the sweeper tries it again. */
export const parkedUndoRestMs = 15 * 60_000;

export type StepState = {
  readonly step: StepName;
  readonly status: StepStatus;
  readonly undo: UndoStatus;
  readonly attempts: number;
  readonly undoAttempts: number;
  readonly detail: string | null;
};

/** What the saga's decisions look at. */
export type SagaState = {
  readonly definition: SagaDefinition;
  readonly status: SagaStatus;
  readonly orderStatus: OrderStatus;
  readonly cancelCode: RefusalCode | null;
  readonly steps: ReadonlyMap<StepName, StepState>;
};

export function definitionOf(state: SagaState, name: StepName): StepDefinition {
  return present(
    state.definition.steps.find((each) => each.step === name),
    `step ${name} in the saga`,
  );
}

export function stepOfUndo(state: SagaState, undo: UndoName): StepDefinition {
  return present(
    state.definition.steps.find((each) => each.undo === undo),
    `undo ${undo} in the saga`,
  );
}

export function undoOf(state: SagaState, name: StepName): UndoName {
  return present(definitionOf(state, name).undo, `the undo of ${name}`);
}

export function undosOf(definition: SagaDefinition): UndoName[] {
  return definition.steps.flatMap(({ undo }) => (undo === null ? [] : [undo]));
}

/** Whether there is nothing, or nothing any more, to take back of the step. */
export function isUndone(step: StepState): boolean {
  return step.undo === 'none' || step.undo === 'done';
}

/** What a decision changes, in one transaction. */
export type SagaChange = {
  readonly status?: SagaStatus;
  readonly order?: {
    readonly status: OrderStatus;
    readonly cancelCode?: RefusalCode;
    readonly deadlineInMs: number | null;
  };
  readonly steps: readonly StepState[];
  readonly send: readonly MessageType[];
  readonly events: readonly NewEvent[];
  readonly audit: readonly { readonly action: string; readonly detail: string | null }[];
  readonly inbox: readonly Question[];
  /** What those are told whom the order's state or an undo was asked about, if the change settles that (answers.ts). */
  readonly answer?: string;
};

/** What a person is asked. Of one kind about one order (or one undo of it) at most one is open. */
export type Question = { readonly kind: InboxKind; readonly reason: string; readonly about?: UndoName };

export type InboxKind = 'fraud_review' | 'compensation_parked' | 'step_parked' | 'late_money';

/** How a step ended, as its handler says. */
export type StepOutcome =
  | { readonly outcome: 'done'; readonly detail: string; readonly events?: readonly NewEvent[] }
  | {
      readonly outcome: 'refused';
      readonly code: RefusalCode;
      readonly detail: string;
      readonly events?: readonly NewEvent[];
    }
  | { readonly outcome: 'ask-person'; readonly reason: string }
  /** What is known so far is written; the message comes again. */
  | { readonly outcome: 'again'; readonly reason: string; readonly retryAfterMs?: number };
