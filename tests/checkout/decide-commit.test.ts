import { expect, test } from 'vitest';
import {
  type CommitRequest,
  decideCommit,
  type FreeUnits,
  type KnownKey,
  type OpenCheckout,
  opensAgain,
} from '../../src/checkout/commit.ts';
import { draftOf, type Offer, type QuoteContent, quoteDraft } from '../../src/checkout/quote.ts';
import { shippingOptions } from '../../src/pricing/shipping-rates.ts';
import { currencyOf } from '../../src/shared/money.ts';
import { refusals } from '../../src/shared/refusals.ts';

const gbp = currencyOf('GBP');
const shipping = shippingOptions('GB');

function offersOf(prices: Readonly<Record<string, bigint>>, more: Partial<Offer> = {}): Map<string, Offer> {
  return new Map(
    Object.entries(prices).map(([sku, priceMinor]) => [
      sku,
      { sku, title: sku, priceMinor, currency: gbp, active: true, freeUnits: 10n, ...more },
    ]),
  );
}

const offers = offersOf({ A: 100n, B: 250n });
const { content } = quoteDraft(
  {
    lines: [
      { sku: 'A', quantity: 2 },
      { sku: 'B', quantity: 1 },
    ],
    buyer: { email: 'ada@example.com' },
    destinations: [{ id: 'home', country: 'GB' }],
    selectedDestinationId: 'home',
    selectedShippingId: 'standard',
  },
  offers,
  gbp,
  shipping,
);

const request: CommitRequest = {
  merchantId: 'demo',
  callerId: 'shop',
  checkoutId: 'c',
  idempotencyKey: 'k',
  requestSha256: new Uint8Array([1, 2]),
  provider: 'simulated',
  token: { reveal: () => 'tok_ok' },
  billingCountry: null,
  shipsFrom: 'GB',
  seenVersion: null,
  traceparent: null,
};
const checkout: OpenCheckout = {
  checkoutId: 'c',
  merchantId: 'demo',
  callerId: 'shop',
  status: 'open',
  isExpired: false,
  quote: { version: 3, currency: gbp, content },
  order: null,
};
const order = (
  status: 'pending' | 'on_hold' | 'confirmed' | 'cancelling' | 'cancelled',
  cancelCode: string | null = null,
) => ({
  status: 'completing' as const,
  order: { orderId: 'o', status, cancelCode: cancelCode as keyof typeof refusals | null },
});

type Given = {
  request?: Partial<CommitRequest>;
  checkout?: Partial<OpenCheckout> | null;
  known?: KnownKey;
  offers?: Map<string, Offer>;
  free?: FreeUnits;
};

function decide(given: Given) {
  const list = given.offers ?? offers;
  const free = given.free ?? new Map([...list.keys()].map((sku) => [sku, 10n]));
  const decision = decideCommit(
    { ...request, ...given.request },
    given.checkout === null ? null : { ...checkout, ...given.checkout },
    given.known ?? null,
    list,
    free,
    (quoted) => quoteDraft(draftOf(quoted), list, gbp, shipping).content,
  );
  return { decision, free };
}

const lacking = (changes: Partial<QuoteContent>) => ({
  quote: { version: 3, currency: gbp, content: { ...content, ...changes } },
});

test.each<[string, Given, string, string | null]>([
  ['nothing speaks against it', {}, 'commit', null],
  ['the version that was seen is the current one', { request: { seenVersion: 3 } }, 'commit', null],
  ['there is no such checkout', { checkout: null }, 'reject', 'not_found'],
  ['the checkout is of another merchant', { checkout: { merchantId: 'x' } }, 'reject', 'not_found'],
  ['the checkout is of another caller', { checkout: { callerId: 'x' } }, 'reject', 'not_found'],
  ['the checkout was cancelled', { checkout: { status: 'cancelled' } }, 'refuse', 'checkout_not_open'],
  ['its order is pending', { checkout: order('pending') }, 'refuse', 'checkout_not_open'],
  ['its order is on hold', { checkout: order('on_hold') }, 'refuse', 'checkout_not_open'],
  ['its order is confirmed', { checkout: order('confirmed') }, 'refuse', 'checkout_not_open'],
  ['its order goes back', { checkout: order('cancelling', 'payment_failed') }, 'refuse', 'checkout_not_open'],
  ['its order was refused', { checkout: order('cancelled', 'order_refused') }, 'refuse', 'checkout_not_open'],
  ['its payment was declined before', { checkout: order('cancelled', 'payment_failed') }, 'commit', null],
  ['its payment timed out before', { checkout: order('cancelled', 'payment_timed_out') }, 'commit', null],
  ['an older version was seen', { request: { seenVersion: 2 } }, 'reject', 'quote_changed'],
  ['the checkout has expired', { checkout: { isExpired: true } }, 'refuse', 'checkout_expired'],
  ['there is no line', { checkout: lacking({ lines: [] }) }, 'refuse', 'checkout_incomplete'],
  ['there is no e-mail address', { checkout: lacking({ buyer: {} }) }, 'refuse', 'checkout_incomplete'],
  [
    'no destination is selected',
    { checkout: lacking({ selectedDestinationId: null }) },
    'refuse',
    'checkout_incomplete',
  ],
  ['no shipping is selected', { checkout: lacking({ selectedShippingId: null }) }, 'refuse', 'checkout_incomplete'],
  [
    'there is no line in the version that was seen',
    { checkout: lacking({ lines: [] }), request: { seenVersion: 3 } },
    'reject',
    'checkout_incomplete',
  ],
  ['a product is gone', { offers: offersOf({ A: 100n }) }, 'refuse', 'item_unavailable'],
  [
    'products are inactive',
    { offers: offersOf({ A: 100n, B: 250n }, { active: false }) },
    'refuse',
    'item_unavailable',
  ],
  ['a price rose', { offers: offersOf({ A: 101n, B: 250n }) }, 'refuse', 'price_changed'],
  ['a price fell', { offers: offersOf({ A: 99n, B: 250n }) }, 'refuse', 'price_changed'],
  ['shipping costs something else', { checkout: lacking({ totalMinor: 1n }) }, 'refuse', 'price_changed'],
  [
    'a line is short',
    {
      free: new Map([
        ['A', 1n],
        ['B', 9n],
      ]),
    },
    'refuse',
    'out_of_stock',
  ],
  ['no stock is known', { free: new Map() }, 'refuse', 'out_of_stock'],
])('a commit is decided where %s', (_, given, expected, code) => {
  const { decision, free } = decide(given);
  expect(decision.decision).toBe(expected);
  expect('refusal' in decision ? decision.refusal.code : null).toBe(code);
  // Only a commit takes units; what is refused leaves them for its neighbours.
  if (decision.decision === 'commit') expect([free.get('A'), free.get('B')]).toEqual([8n, 9n]);
  else if (given.free === undefined && given.offers === undefined) expect([...free.values()]).toEqual([10n, 10n]);
});

test('a known key is answered before anything else is looked at', () => {
  const outcome = { outcome: 'committed', orderId: 'o', version: 1 } as const;
  const known = { requestSha256: new Uint8Array([1, 2]), outcome };
  for (const given of [{}, { checkout: null }, { checkout: { isExpired: true } }, { offers: new Map() }]) {
    expect(decide({ ...given, known }).decision).toEqual({ decision: 'replay', outcome });
    for (const requestSha256 of [new Uint8Array([1, 3]), new Uint8Array([1]), new Uint8Array([1, 2, 0])]) {
      const { decision } = decide({ ...given, known: { requestSha256, outcome } });
      expect(decision).toMatchObject({ decision: 'reject', refusal: { code: 'idempotency_key_reused' } });
    }
  }
});

test('of a list of commits the units go to those that came first, and a refused one spoils no neighbour', () => {
  const free = new Map([
    ['A', 5n],
    ['B', 9n],
  ]);
  const decisions = [1, 2, 3].map(() => decide({ free }).decision);
  expect(decisions.map((each) => each.decision)).toEqual(['commit', 'commit', 'refuse']);
  expect([...free.values()]).toEqual([1n, 7n]);
});

test('a refusal of stock names each line that is short, with what was wanted and what there is', () => {
  const { decision } = decide({ free: new Map([['A', 1n]]) });
  expect(decision).toMatchObject({
    refusal: {
      details: {
        lines: [
          { index: 0, sku: 'A', wanted: 2, available: 1 },
          { index: 1, sku: 'B', wanted: 1, available: 0 },
        ],
      },
    },
  });
});

test('a refusal of prices names each line that changed, and comes with the quote of now', () => {
  const { decision } = decide({ offers: offersOf({ A: 120n, B: 250n }) });
  expect(decision).toMatchObject({
    refusal: { details: { lines: [{ index: 0, sku: 'A', quotedMinor: '100', currentMinor: '120' }] } },
    newContent: { subtotalMinor: 490n, totalMinor: 885n },
  });
});

test('only an order that ended for its payment leaves its checkout open', () => {
  const open = (Object.keys(refusals) as (keyof typeof refusals)[]).filter(opensAgain);
  expect(open.sort()).toEqual(['payment_failed', 'payment_timed_out']);
  expect(opensAgain(null)).toBe(false);
});
