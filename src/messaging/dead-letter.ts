export const letterStatuses = ['open', 'replayed', 'discarded'] as const;
export type LetterStatus = (typeof letterStatuses)[number];

/** A message that is out of attempts, or that nobody here understands. */
export type DeadLetter = {
  readonly messageId: string;
  readonly queue: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly orderId: string | null;
  readonly attempt: number;
  readonly firstEnqueuedAt: Date;
  readonly diedAt: Date;
  readonly reason: string;
  readonly status: LetterStatus;
  readonly settledAt: Date | null;
  readonly settledBy: string | null;
  readonly settledWhy: string | null;
};

/** The letter with all that the message held. */
export type WholeDeadLetter = DeadLetter & {
  readonly idempotencyKey: string;
  readonly payload: unknown;
  readonly traceparent: string | null;
  /** One entry per failed attempt, first one first. */
  readonly history: readonly { at: string; attempt: number; by: string | null; reason: string }[];
};
