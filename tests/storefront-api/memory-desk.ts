import type {
  Caller,
  CheckoutDesk,
  CheckoutView,
  CompleteRequest,
  Notice,
  RequestKey,
} from '../../src/checkout/desk.ts';
import { type Draft, lacksOf, type Offer, quoteDraft, selectedDestination } from '../../src/checkout/quote.ts';
import type { OrderView } from '../../src/orders/order.ts';
import { shippingOptions } from '../../src/pricing/shipping-rates.ts';
import { isRefused, type Refused, refuse } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { currencyOf } from '../../src/shared/money.ts';

/**
 * A checkout desk in memory, for tests of the wire alone: it quotes by the real rules and remembers what it was asked.
 * Tokens script the outcome of a complete, so that every status and notice can be brought about.
 */
export type MemoryDesk = CheckoutDesk & {
  readonly completes: CompleteRequest[];
  readonly keys: (RequestKey | null)[];
  readonly drafts: Draft[];
  orderStatus: OrderView['status'];
  /** What every call throws, if anything. */
  failure: Error | null;
};

const currency = currencyOf('GBP');
const offer = (sku: string, priceMinor: bigint, active = true): [string, Offer] => [
  sku,
  { sku, title: `Title of ${sku}`, priceMinor, currency, active, freeUnits: 10n },
];
const offers = new Map([offer('85123A', 295n), offer('22423', 1275n), offer('GONE', 100n, false)]);
const shippingFor = shippingOptions('GB');

type Kept = { view: CheckoutView; owner: string; answers: Map<string, CheckoutView> };

export function createMemoryDesk(): MemoryDesk {
  const checkouts = new Map<string, Kept>();
  const orders = new Map<string, OrderView>();
  const keptOf = (caller: Caller, id: string): Kept | Refused => {
    if (desk.failure !== null) throw desk.failure;
    const kept = checkouts.get(id);
    return kept?.owner === caller.callerId ? kept : refuse('not_found', 'There is no such checkout.');
  };
  const desk: MemoryDesk = {
    completes: [],
    keys: [],
    drafts: [],
    orderStatus: 'pending',
    failure: null,
    async create(caller, draft, key) {
      if (desk.failure !== null) throw desk.failure;
      desk.keys.push(key);
      desk.drafts.push(draft);
      const view = viewOf(newUuid(), 1, draft);
      if (isRefused(view)) return view;
      checkouts.set(view.checkoutId, { view, owner: caller.callerId, answers: new Map() });
      return view;
    },
    async read(caller, id) {
      const kept = keptOf(caller, id);
      return isRefused(kept) ? kept : kept.view;
    },
    async update(caller, id, draft, key) {
      desk.keys.push(key);
      desk.drafts.push(draft);
      const kept = keptOf(caller, id);
      if (isRefused(kept)) return kept;
      const view = viewOf(id, kept.view.quote.version + 1, draft);
      if (!isRefused(view)) kept.view = view;
      return view;
    },
    async complete(caller, id, request) {
      desk.completes.push(request);
      const kept = keptOf(caller, id);
      if (isRefused(kept)) return kept;
      const answered = kept.answers.get(request.key.key);
      if (answered !== undefined) return answered;
      const view = completed(kept.view, request.token.reveal());
      if (isRefused(view)) return view;
      kept.view = view;
      kept.answers.set(request.key.key, view);
      if (view.orderId !== null) orders.set(view.orderId, orderOf(view, view.orderId));
      return view;
    },
    async cancel(caller, id, key) {
      desk.keys.push(key);
      const kept = keptOf(caller, id);
      if (isRefused(kept)) return kept;
      kept.view = { ...kept.view, status: 'cancelled' };
      return kept.view;
    },
    async readOrder(_caller, orderId) {
      if (desk.failure !== null) throw desk.failure;
      const order = orders.get(orderId);
      if (order === undefined) return refuse('not_found', 'There is no such order.');
      const isOver = desk.orderStatus === 'cancelled' || desk.orderStatus === 'cancelling';
      return { ...order, status: desk.orderStatus, cancelCode: isOver ? 'payment_failed' : null };
    },
  };
  return desk;
}

function viewOf(checkoutId: string, version: number, draft: Draft): CheckoutView | Refused {
  const { content, unavailable } = quoteDraft(draft, offers, currency, shippingFor);
  if (content.lines.length === 0) return refuse('item_unavailable', 'None of these items is sold.');
  const destination = selectedDestination(content);
  const notices = unavailable.map(
    ({ index, sku }): Notice => ({
      refusal: refuse('item_unavailable', `${sku} is not sold.`, { path: `$.line_items[${index}]` }),
      weight: 'informs',
    }),
  );
  return {
    checkoutId,
    status: lacksOf(content).length === 0 ? 'ready' : 'incomplete',
    quote: { version, currency, content },
    shippingOptions: destination === null ? [] : shippingFor(destination.country, content.subtotalMinor),
    orderId: null,
    expiresAt: new Date('2030-01-01T00:00:00Z'),
    notices,
  };
}

function completed(view: CheckoutView, token: string): CheckoutView | Refused {
  const skus = view.quote.content.lines.map((line) => line.sku);
  const blocked = (refusal: Refused, weight: Notice['weight'] = 'blocks'): CheckoutView => ({
    ...view,
    notices: [{ refusal, weight }],
  });
  if (view.status === 'incomplete') return refuse('checkout_incomplete', 'An e-mail address is missing.');
  if (token === 'tok_short')
    return blocked(
      refuse('out_of_stock', `Too few of ${skus[0]}.`, { details: { lines: [{ index: 0, sku: skus[0] }] } }),
    );
  if (token === 'tok_declined') return blocked(refuse('payment_failed', 'The card was declined.'), 'informs');
  if (token === 'tok_expired') return blocked(refuse('checkout_expired', 'It has expired.'), 'final');
  const status = token === 'tok_hold' ? 'on_hold' : token === 'tok_now' ? 'completed' : 'completing';
  return { ...view, status, orderId: newUuid() };
}

function orderOf(view: CheckoutView, orderId: string): OrderView {
  const { content } = view.quote;
  const destination = selectedDestination(content);
  if (destination === null) throw new Error('a ready checkout has a destination');
  return {
    orderId,
    checkoutId: view.checkoutId,
    status: 'pending',
    cancelCode: null,
    currency,
    lines: content.lines,
    destination,
    shippingTitle: 'Standard',
    shippingMinor: content.shippingMinor,
    subtotalMinor: content.subtotalMinor,
    totalMinor: content.totalMinor,
    placedAt: new Date('2026-01-01T00:00:00Z'),
  };
}
