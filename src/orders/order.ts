import type { Destination, QuoteLine } from '../checkout/quote.ts';
import type { Currency } from '../shared/money.ts';
import type { Machine } from '../shared/transitions.ts';

export type OrderStatus = 'pending' | 'on_hold' | 'confirmed' | 'cancelling' | 'cancelled';

/** The life of an order until it is confirmed or cancelled. Shipping and returns will lead on from `confirmed`. */
export const orderMachine: Machine<OrderStatus> = {
  name: 'order',
  initial: 'pending',
  final: ['confirmed', 'cancelled'],
  transitions: {
    pending: {
      on_hold: 'the fraud screen wants a person',
      confirmed: 'authorised and confirmed',
      cancelling: 'refused, declined or out of time',
    },
    on_hold: { pending: 'a person accepted it', cancelling: 'a person refused it, or nobody decided in time' },
    cancelling: { cancelled: 'stock and money are given back' },
    confirmed: {},
    cancelled: {},
  },
};

/** An order as its buyer's caller sees it. */
export type OrderView = {
  readonly orderId: string;
  readonly checkoutId: string;
  readonly status: OrderStatus;
  /** A refusal code of the catalogue once it is being cancelled, else null. */
  readonly cancelCode: string | null;
  readonly currency: Currency;
  readonly lines: readonly QuoteLine[];
  readonly destination: Destination;
  readonly shippingTitle: string;
  readonly shippingMinor: bigint;
  readonly subtotalMinor: bigint;
  readonly totalMinor: bigint;
  readonly placedAt: Date;
};
