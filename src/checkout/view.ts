import { never } from '../shared/assert.ts';
import type { Refused } from '../shared/failure.ts';
import { refuse } from '../shared/failure.ts';
import { type OpenCheckout, opensAgain } from './commit.ts';
import type { CheckoutView, Notice } from './desk.ts';
import { lacksOf, type Quote, type ShippingOption } from './quote.ts';

type Shown = { readonly checkoutId: string; readonly quote: Quote; readonly expiresAt: Date };
export type ShippingFor = (country: string, subtotalMinor: bigint) => readonly ShippingOption[];

/** A checkout as it stands now. How it ended follows from its order, and is stored nowhere else. */
export function viewOf(
  checkout: OpenCheckout & { readonly expiresAt: Date },
  notices: readonly Notice[],
  shippingFor: ShippingFor,
): CheckoutView {
  const base = baseView(checkout, shippingFor);
  const { order } = checkout;
  if (checkout.status === 'cancelled') return { ...base, status: 'cancelled', orderId: null, notices };
  if (order === null) return openView(checkout, base, notices);
  switch (order.status) {
    case 'pending':
    case 'cancelling':
      return { ...base, status: 'completing', orderId: order.orderId, notices: [] };
    case 'on_hold':
      return { ...base, status: 'on_hold', orderId: order.orderId, notices: [] };
    case 'confirmed':
      return { ...base, status: 'completed', orderId: order.orderId, notices: [] };
    case 'cancelled': {
      const why = whyCancelled(order.cancelCode ?? 'order_refused');
      if (opensAgain(order.cancelCode))
        return openView(checkout, base, [{ refusal: why, weight: 'informs' }, ...notices]);
      return { ...base, status: 'cancelled', orderId: null, notices: [{ refusal: why, weight: 'final' }] };
    }
    default:
      return never(order.status, 'the view of a checkout');
  }
}

function openView(
  checkout: OpenCheckout,
  base: Omit<CheckoutView, 'status' | 'orderId' | 'notices'>,
  notices: readonly Notice[],
): CheckoutView {
  if (checkout.isExpired) {
    const refusal = refuse('checkout_expired', 'The checkout has expired. Create a new one.');
    return { ...base, status: 'cancelled', orderId: null, notices: [{ refusal, weight: 'final' }] };
  }
  return mayComplete(base, notices);
}

function mayComplete(
  base: Omit<CheckoutView, 'status' | 'orderId' | 'notices'>,
  notices: readonly Notice[],
): CheckoutView {
  const isBlocked = notices.some((notice) => notice.weight === 'blocks') || lacksOf(base.quote.content).length > 0;
  return { ...base, status: isBlocked ? 'incomplete' : 'ready', orderId: null, notices };
}

/** The answer to a create or update: the same for ever, whatever has become of the checkout since. */
export function writtenView(checkout: Shown, notices: readonly Notice[], shippingFor: ShippingFor): CheckoutView {
  return mayComplete(baseView(checkout, shippingFor), notices);
}

/** The answer to a complete that was committed: the same bytes for ever, whatever has become of the order since. */
export function committedView(checkout: Shown, orderId: string, shippingFor: ShippingFor): CheckoutView {
  return { ...baseView(checkout, shippingFor), status: 'completing', orderId, notices: [] };
}

/** The answer to a complete that was refused for good under its key. */
export function refusedView(checkout: Shown, refusal: Refused, shippingFor: ShippingFor): CheckoutView {
  const isFinal = refusal.code === 'checkout_expired';
  return {
    ...baseView(checkout, shippingFor),
    status: isFinal ? 'cancelled' : 'incomplete',
    orderId: null,
    notices: [{ refusal, weight: isFinal ? 'final' : 'blocks' }],
  };
}

function baseView(checkout: Shown, shippingFor: ShippingFor): Omit<CheckoutView, 'status' | 'orderId' | 'notices'> {
  const { content } = checkout.quote;
  const destination = content.destinations.find((each) => each.id === content.selectedDestinationId);
  return {
    checkoutId: checkout.checkoutId,
    quote: checkout.quote,
    shippingOptions: destination === undefined ? [] : shippingFor(destination.country, content.subtotalMinor),
    expiresAt: checkout.expiresAt,
  };
}

function whyCancelled(code: Refused['code']): Refused {
  if (code === 'payment_failed') {
    return refuse(
      code,
      'The payment was declined; nothing was charged. Complete again with another payment method and a new key.',
    );
  }
  if (code === 'payment_timed_out') {
    return refuse(
      code,
      'The payment provider did not answer in time; nothing is charged. Complete again with a new key.',
    );
  }
  return refuse('order_refused', 'The order was refused; nothing is charged. Contact the merchant.');
}
