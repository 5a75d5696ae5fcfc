import type { SagaDefinition } from './saga.ts';

/**
 * The online order, read aloud: the commit holds the stock; then we screen for fraud, authorise the payment, and
 * confirm. Until the payment is authorised the order can go back: the authorisation is voided and the stock released.
 * From there on it only goes forward.
 */
export const onlineOrder: SagaDefinition = {
  name: 'online-order',
  version: 1,
  steps: [
    { step: 'hold-stock', does: 'hold the stock of every line', in: 'commit', undo: 'release-stock' },
    { step: 'screen-for-fraud', does: 'accept, refuse, or ask a person', in: 'message', undo: null },
    {
      step: 'authorise-payment',
      does: 'ask the provider for the money',
      in: 'message',
      undo: 'void-authorisation',
      pivot: true,
    },
    { step: 'confirm-order', does: 'turn the held stock into sold stock', in: 'message', undo: null },
  ],
  /** How long the steps may take together before the order goes back. Ten times what a slow provider needs. */
  withinMs: 5 * 60_000,
  /** How long a person has to decide on a held order. A weekend and a day. */
  reviewWithinMs: 72 * 60 * 60_000,
  /** How long going back, or going forward after the pivot, may take before a person is told. */
  settleWithinMs: 10 * 60_000,
};
