import type { PlannedOrder } from './replay-plan.ts';
import type { Ending } from './replay-summary.ts';

/** What a buyer sends and reads, in the words of the Universal Commerce Protocol, REST binding, 2026-04-08. */

/** An answer of the shop: an object of JSON, as yet unread. */
export type Body = Readonly<Record<string, unknown>>;

const destinationId = 'home';
/** The shop's usual option, chosen before it is offered; a shop that has another one is asked with a second request. */
const usualOptionId = 'standard';

export function createBody(order: PlannedOrder): unknown {
  return {
    line_items: order.lines.map(({ sku, quantity }) => ({ item: { id: sku }, quantity })),
    buyer: { first_name: order.buyer.firstName, last_name: order.buyer.lastName, email: order.buyer.email },
    fulfillment: { methods: [methodOf(order, usualOptionId)] },
  };
}

/** The same content with the cheapest option that the shop offers; null if it offers none. */
export function updateBody(order: PlannedOrder, checkout: Body): unknown {
  const option = offeredOptions(checkout)[0];
  if (option === undefined) return null;
  return { ...(createBody(order) as object), fulfillment: { methods: [methodOf(order, option)] } };
}

export type PaymentMethod = { readonly handlerId: string; readonly token: string };

export function completeBody(order: PlannedOrder, method: PaymentMethod): unknown {
  const instrument = {
    id: 'instrument_1',
    handler_id: method.handlerId,
    type: 'card',
    selected: true,
    credential: { type: 'token', token: method.token },
    billing_address: { address_country: order.country },
  };
  return { payment: { instruments: [instrument] } };
}

function methodOf(order: PlannedOrder, optionId: string): unknown {
  const { buyer, country } = order;
  const destination = {
    id: destinationId,
    first_name: buyer.firstName,
    last_name: buyer.lastName,
    street_address: '1 Example Street',
    address_locality: 'Exampleton',
    postal_code: 'EX1 1EX',
    address_country: country,
  };
  const groups = [{ selected_option_id: optionId }];
  return { type: 'shipping', destinations: [destination], selected_destination_id: destinationId, groups };
}

/** The id of the checkout, or null where there is none. */
export function checkoutIdOf(body: Body): string | null {
  return typeof body.id === 'string' ? body.id : null;
}

/** The first payment handler that the checkout lists, or null. */
export function handlerIdOf(body: Body): string | null {
  const handlers = record(record(body.ucp).payment_handlers);
  const id = record(list(Object.values(handlers)[0])[0]).id;
  return typeof id === 'string' ? id : null;
}

/** How the checkout stands: `committed` until its order has ended. */
export type Standing = 'ready' | 'lacking' | 'committed' | 'confirmed' | 'cancelled';

export function standingOf(body: Body): Standing {
  if (body.status === 'completed') return 'confirmed';
  if (body.status === 'complete_in_progress') return 'committed';
  if (body.status === 'canceled') return 'cancelled';
  return body.status === 'ready_for_complete' ? 'ready' : 'lacking';
}

/** How the order of a committed checkout ended: one that was cancelled has opened its checkout again, and says why. */
export function endingOf(body: Body): Ending {
  const standing = standingOf(body);
  if (standing === 'confirmed') return { ending: 'confirmed' };
  if (standing === 'committed') return { ending: 'open' };
  return { ending: 'cancelled', code: codeOf(body) ?? 'unnamed' };
}

/** Why the shop refused: the code of a protocol error, or of the first error among the messages, or else warning. */
export function codeOf(body: Body): string | null {
  if (typeof body.code === 'string') return body.code;
  const messages = list(body.messages).map(record);
  const said = messages.find(({ type }) => type === 'error') ?? messages.find(({ type }) => type === 'warning');
  return typeof said?.code === 'string' ? said.code : null;
}

function offeredOptions(checkout: Body): string[] {
  const method = record(list(record(checkout.fulfillment).methods)[0]);
  const options = list(record(list(method.groups)[0]).options).map((option) => record(option).id);
  return options.filter((id) => typeof id === 'string');
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
