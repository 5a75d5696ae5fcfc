import type { CheckoutView } from '../../../checkout/desk.ts';
import type { Destination, QuoteContent, QuoteLine, ShippingOption } from '../../../checkout/quote.ts';
import type { OrderView } from '../../../orders/order.ts';
import type { Refused } from '../../../shared/failure.ts';
import { externalId } from '../../../shared/ids.ts';
import { toWire } from '../../../shared/money.ts';
import type { PaymentHandler, StorefrontConfig } from '../../config.ts';
import { messagesOf, orderMessagesOf, refusalMessage } from './messages.ts';
import { version } from './version.ts';

/**
 * From the domain to the wire. Everything here is a pure function of the view and of what the storefront says of
 * itself, so that an answer given again under the same key is the same to the byte.
 */
export function projectCheckout(view: CheckoutView, config: StorefrontConfig): Record<string, unknown> {
  const content = view.quote.content;
  const isOver = view.status === 'completed' || view.status === 'cancelled';
  const messages = messagesOf(view);
  const id = externalId('checkout', view.checkoutId);
  return {
    ucp: {
      version,
      status: 'success',
      capabilities: capabilityVersions('dev.ucp.shopping.checkout', 'dev.ucp.shopping.fulfillment'),
      payment_handlers: paymentHandlers(config.paymentHandlers),
    },
    id,
    status: wireStatus[view.status],
    currency: view.quote.currency,
    line_items: content.lines.map(projectLine),
    ...(content.buyer === null ? {} : { buyer: projectBuyer(content.buyer) }),
    totals: projectTotals(content, content.selectedShippingId !== null),
    fulfillment: projectFulfillment(content, view.shippingOptions),
    payment: { instruments: [] },
    ...(messages.length === 0 ? {} : { messages }),
    links: config.links,
    expires_at: view.expiresAt.toISOString(),
    ...(config.checkoutPageUrl === null || isOver ? {} : { continue_url: `${config.checkoutPageUrl}/${id}` }),
    ...(view.orderId === null ? {} : { order: projectConfirmation(view.orderId, config) }),
  };
}

/** The business outcome where there is no checkout to show: `ucp.status` says error, and messages say why. */
export function projectError(refusal: Refused): Record<string, unknown> {
  return { ucp: { version, status: 'error' }, messages: [refusalMessage(refusal)] };
}

/** An order as it is now. Lines and totals stay as they were agreed; a cancelled order has no units left. */
export function projectOrder(order: OrderView, config: StorefrontConfig): Record<string, unknown> {
  const isCancelled = order.status === 'cancelled';
  const messages = orderMessagesOf(order);
  return {
    ucp: { version, status: 'success', capabilities: capabilityVersions('dev.ucp.shopping.order') },
    ...projectConfirmation(order.orderId, config),
    checkout_id: externalId('checkout', order.checkoutId),
    line_items: order.lines.map((line) => ({
      ...projectLine(line),
      quantity: { original: line.quantity, total: isCancelled ? 0 : line.quantity, fulfilled: 0 },
      status: isCancelled ? 'removed' : 'processing',
    })),
    fulfillment: {
      expectations: isCancelled ? [] : [projectExpectation(order)],
      events: [],
    },
    currency: order.currency,
    totals: projectTotals(order, true),
    ...(messages.length === 0 ? {} : { messages }),
  };
}

/** The handlers under their names, as profiles and checkouts list them. */
export function paymentHandlers(handlers: readonly PaymentHandler[]): Record<string, unknown[]> {
  const byName: Record<string, unknown[]> = {};
  for (const { id, name, instrumentTypes, config } of handlers) {
    byName[name] = [
      ...(byName[name] ?? []),
      { id, version, available_instruments: instrumentTypes.map((type) => ({ type })), config },
    ];
  }
  return byName;
}

const wireStatus = {
  incomplete: 'incomplete',
  ready: 'ready_for_complete',
  completing: 'complete_in_progress',
  on_hold: 'complete_in_progress',
  completed: 'completed',
  cancelled: 'canceled',
} as const satisfies Record<CheckoutView['status'], string>;

function capabilityVersions(...names: string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, [{ version }]]));
}

function projectLine(line: QuoteLine): Record<string, unknown> {
  const amount = toWire(line.totalMinor);
  return {
    id: line.lineId,
    item: { id: line.sku, title: line.title, price: toWire(line.unitPriceMinor) },
    quantity: line.quantity,
    totals: [
      { type: 'subtotal', amount },
      { type: 'total', amount },
    ],
  };
}

/** Exactly one subtotal and one total, and what stands between them adds up. Shipping is there once it is selected. */
function projectTotals(totals: Totals, isShipped: boolean): unknown[] {
  return [
    { type: 'subtotal', display_text: 'Subtotal', amount: toWire(totals.subtotalMinor) },
    ...(isShipped ? [{ type: 'fulfillment', display_text: 'Shipping', amount: toWire(totals.shippingMinor) }] : []),
    { type: 'total', display_text: 'Total', amount: toWire(totals.totalMinor) },
  ];
}

type Totals = Pick<QuoteContent, 'subtotalMinor' | 'shippingMinor' | 'totalMinor'>;

function projectBuyer(buyer: NonNullable<QuoteContent['buyer']>): Record<string, unknown> {
  return {
    first_name: buyer.firstName,
    last_name: buyer.lastName,
    email: buyer.email,
    phone_number: buyer.phoneNumber,
  };
}

/** One method and one group: a parcel. Options are shown once it is known where the parcel goes. */
function projectFulfillment(content: QuoteContent, options: readonly ShippingOption[]): Record<string, unknown> {
  const line_item_ids = content.lines.map((line) => line.lineId);
  const group = {
    id: 'parcel',
    line_item_ids,
    options: options.map(projectOption),
    selected_option_id: content.selectedShippingId,
  };
  const method = {
    id: 'shipping',
    type: 'shipping',
    line_item_ids,
    destinations: content.destinations.map((each) => ({ id: each.id, ...projectAddress(each) })),
    selected_destination_id: content.selectedDestinationId,
    ...(content.selectedDestinationId === null ? {} : { groups: [group] }),
  };
  return { methods: [method] };
}

function projectOption(option: ShippingOption): Record<string, unknown> {
  const amount = toWire(option.priceMinor);
  return {
    id: option.id,
    title: option.title,
    description: option.description,
    totals: [
      { type: 'subtotal', amount },
      { type: 'total', amount },
    ],
  };
}

function projectAddress(destination: Destination): Record<string, unknown> {
  return {
    first_name: destination.firstName,
    last_name: destination.lastName,
    street_address: destination.streetAddress,
    extended_address: destination.extendedAddress,
    address_locality: destination.locality,
    address_region: destination.region,
    postal_code: destination.postalCode,
    address_country: destination.country,
    phone_number: destination.phoneNumber,
  };
}

function projectConfirmation(orderId: string, config: StorefrontConfig): { id: string; permalink_url: string } {
  const id = externalId('order', orderId);
  return { id, permalink_url: `${config.orderPageUrl}/${id}` };
}

function projectExpectation(order: OrderView): Record<string, unknown> {
  return {
    id: 'parcel',
    line_items: order.lines.map((line) => ({ id: line.lineId, quantity: line.quantity })),
    method_type: 'shipping',
    destination: projectAddress(order.destination),
    description: order.shippingTitle,
  };
}
