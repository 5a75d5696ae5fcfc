/** When the provider is asked about what we do not know. */
export type PaymentTimings = {
  /** A payment without an answer is asked for after this, even if every message about it was lost. */
  readonly checkAfterMs: number;
  /**
   * If the provider does not know our key this long after our last call, the call never arrived. Longer than the
   * longest call (parties.ts), because until then it may still be on its way.
   */
  readonly absentAfterMs: number;
  /** After going back without finding an authorisation, the provider is asked once more this much later. */
  readonly lookAgainAfterMs: number;
};

export const paymentTimings: PaymentTimings = {
  checkAfterMs: 60_000,
  absentAfterMs: 30_000,
  lookAgainAfterMs: 15 * 60_000,
};

/** How long the sweeper leaves a payment alone that it has just sent for. */
export const sweepTimings = { recheckAfterMs: 60_000 };
