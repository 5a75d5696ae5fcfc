import type { Currency } from '../shared/money.ts';
import type { Machine } from '../shared/transitions.ts';

export type PaymentStatus =
  | 'intended'
  | 'authorising'
  | 'unknown'
  | 'authorised'
  | 'declined'
  | 'voiding'
  | 'voided'
  | 'abandoned'
  | 'captured'
  | 'refunded';

/**
 * A payment as we know it. `unknown` is a state of its own: it is left only on the provider's word. The ends
 * `declined`, `voided` and `abandoned` lead on to `voiding`, because money may still arrive late and must have a way
 * back.
 */
export const paymentMachine: Machine<PaymentStatus> = {
  name: 'payment',
  initial: 'intended',
  final: ['declined', 'voided', 'abandoned', 'captured', 'refunded'],
  transitions: {
    intended: { authorising: 'intent written, before the call', abandoned: 'cancelled before any call' },
    authorising: {
      authorised: 'the provider said yes',
      declined: 'the provider said no',
      unknown: 'no answer, or nonsense',
      voiding: 'the saga goes back',
      abandoned: 'the provider never saw it',
    },
    unknown: {
      authorised: 'asked: authorised',
      declined: 'asked: declined',
      voiding: 'the saga goes back',
      abandoned: 'asked: never seen',
    },
    authorised: { voiding: 'the saga goes back', captured: 'taken on shipment' },
    voiding: {
      voided: 'given back',
      declined: 'asked: was declined',
      abandoned: 'asked: never seen',
      authorised: 'the answer came while going back',
    },
    declined: { voiding: 'authorised late, after all' },
    voided: { voiding: 'authorised again, late' },
    abandoned: { voiding: 'authorised late, after all' },
    captured: { refunded: 'given back after the capture' },
    refunded: {},
  },
};

export type Payment = {
  readonly paymentId: string;
  readonly provider: string;
  readonly status: PaymentStatus;
  readonly currency: Currency;
  readonly amountMinor: bigint;
  readonly authorisedMinor: bigint;
  readonly providerReference: string | null;
  readonly declineCode: string | null;
};

/** Our key of a call: the same for every try, different for every kind and order. */
export function providerKey(orderId: string, kind: 'authorise' | 'capture' | 'void' | 'refund'): string {
  return `${orderId}-${kind}`;
}

/**
 * Our key of the call that voids one authorisation: there may be several under one key of an authorise call. Without a
 * reference, what the keys of an order's voids begin with.
 */
export function voidKey(orderId: string, providerReference: string | null): string {
  const begin = providerKey(orderId, 'void');
  return providerReference === null ? begin : `${begin}-${providerReference}`.slice(0, 255);
}
