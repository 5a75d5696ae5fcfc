/** Everything has a limit. Those that more than one room uses stand here, each with its reason. */
export const limits = {
  /** A UCP checkout with 100 lines and two addresses is under 40 kB. */
  bodyBytesMax: 64 * 1024,
  /** Deeper JSON than any schema here needs is an attack on the parser or on a validator. */
  jsonDepthMax: 16,
  /**
   * The largest invoice of the sample has 93 lines after cleaning; one commit locks this many stock rows at the most.
   */
  checkoutLinesMax: 100,
  /** Units of one line. Above it, a wholesale contract and not a checkout is at work. */
  lineQuantityMax: 100_000,
  /** Enough for names, streets and titles in every script. */
  shortTextMax: 255,
  /** Idempotency keys, provider references, tokens: Stripe and UCP allow 255. */
  keyTextMax: 255,
  skuTextMax: 64,
  pageSizeDefault: 20,
  pageSizeMax: 100,
  /** A caller that waits longer than this for an outcome should poll. */
  waitMsMax: 30_000,
  /** UCP's default life of a checkout session. */
  checkoutLifeMs: 6 * 60 * 60 * 1000,
  /** A webhook of the payment provider; Standard Webhooks advises under 20 kB. */
  webhookBytesMax: 64 * 1024,
} as const;
