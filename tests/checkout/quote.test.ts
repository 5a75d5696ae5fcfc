import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Draft, draftOf, lacksOf, type Offer, quoteDraft } from '../../src/checkout/quote.ts';
import { quoteFromJson, quoteToJson, type StoredQuoteContent } from '../../src/checkout/quote-json.ts';
import { shippingOptions } from '../../src/pricing/shipping-rates.ts';
import { currencyOf } from '../../src/shared/money.ts';

const gbp = currencyOf('GBP');
const shipping = shippingOptions('GB');
const skus = ['A', 'B', 'C', 'D', 'GONE'];

const offer = (sku: string) =>
  fc.record({
    sku: fc.constant(sku),
    title: fc.constant(sku),
    priceMinor: fc.bigInt({ min: 1n, max: 100_000_000n }),
    currency: fc.constantFrom(gbp, gbp, gbp, currencyOf('EUR')),
    active: fc.constantFrom(true, true, true, false),
    freeUnits: fc.constant(0n),
  });
const priceList: fc.Arbitrary<Map<string, Offer>> = fc
  .tuple(...skus.filter((sku) => sku !== 'GONE').map(offer))
  .map((list) => new Map(list.map((each) => [each.sku, each])));
const drafts: fc.Arbitrary<Draft> = fc.record({
  lines: fc.array(fc.record({ sku: fc.constantFrom(...skus), quantity: fc.integer({ min: 1, max: 1_000 }) }), {
    maxLength: 12,
  }),
  buyer: fc.constantFrom(null, { email: 'ada@example.com' }, { firstName: 'Ada' }),
  destinations: fc.constantFrom([], [{ id: 'home', country: 'GB' }], [{ id: 'abroad', country: 'FR' }]),
  selectedDestinationId: fc.constantFrom(null, 'home', 'abroad'),
  selectedShippingId: fc.constantFrom(null, 'standard', 'express', 'by-pigeon'),
});

test('whatever is asked for, lines add up to the subtotal, and subtotal and shipping to the total', () => {
  fc.assert(
    fc.property(drafts, priceList, (draft, offers) => {
      const { content } = quoteDraft(draft, offers, gbp, shipping);
      for (const line of content.lines) expect(line.totalMinor).toBe(line.unitPriceMinor * BigInt(line.quantity));
      const subtotalMinor = content.lines.reduce((sum, line) => sum + line.totalMinor, 0n);
      expect(content.subtotalMinor).toBe(subtotalMinor);
      expect(content.totalMinor).toBe(subtotalMinor + content.shippingMinor);
    }),
  );
});

test('each unit that is asked for is quoted once at its price, or named as unavailable', () => {
  fc.assert(
    fc.property(drafts, priceList, (draft, offers) => {
      const { content, unavailable } = quoteDraft(draft, offers, gbp, shipping);
      const asked = draft.lines.reduce((sum, line) => sum + line.quantity, 0);
      const quoted = content.lines.reduce((sum, line) => sum + line.quantity, 0);
      const leftOut = unavailable.reduce((sum, { index }) => sum + (draft.lines[index]?.quantity ?? Number.NaN), 0);
      expect(quoted + leftOut).toBe(asked);
      expect(new Set(content.lines.map((line) => line.sku)).size).toBe(content.lines.length);
      for (const line of content.lines) {
        expect(offers.get(line.sku)).toMatchObject({ active: true, currency: gbp, priceMinor: line.unitPriceMinor });
      }
    }),
  );
});

test('a quote at the same prices is the same quote, and what is stored comes back equal', () => {
  fc.assert(
    fc.property(drafts, priceList, (draft, offers) => {
      const { content } = quoteDraft(draft, offers, gbp, shipping);
      expect(quoteDraft(draftOf(content), offers, gbp, shipping)).toEqual({ content, unavailable: [] });
      expect(quoteFromJson(JSON.parse(quoteToJson(content)) as StoredQuoteContent)).toEqual(content);
    }),
  );
});

test('the order of the lines of a draft changes no total', () => {
  fc.assert(
    fc.property(drafts, priceList, (draft, offers) => {
      const there = quoteDraft(draft, offers, gbp, shipping).content;
      const back = quoteDraft({ ...draft, lines: [...draft.lines].reverse() }, offers, gbp, shipping).content;
      expect(back.totalMinor).toBe(there.totalMinor);
    }),
  );
});

test('an address or a shipping option that was not offered is not selected, and costs nothing', () => {
  fc.assert(
    fc.property(drafts, priceList, (draft, offers) => {
      const { content } = quoteDraft(draft, offers, gbp, shipping);
      const home = draft.destinations.find((each) => each.id === draft.selectedDestinationId);
      expect(content.selectedDestinationId).toBe(home?.id ?? null);
      const options = home === undefined ? [] : shipping(home.country, content.subtotalMinor);
      const option = options.find((each) => each.id === draft.selectedShippingId);
      expect([content.selectedShippingId, content.shippingMinor]).toEqual([
        option?.id ?? null,
        option?.priceMinor ?? 0n,
      ]);
    }),
  );
});

test('what a checkout lacks is named one by one until nothing is left', () => {
  const offers = new Map([['A', { sku: 'A', title: 'A', priceMinor: 1n, currency: gbp, active: true, freeUnits: 0n }]]);
  const empty: Draft = {
    lines: [],
    buyer: null,
    destinations: [{ id: 'home', country: 'GB' }],
    selectedDestinationId: null,
    selectedShippingId: null,
  };
  const grown: Partial<Draft>[] = [
    { lines: [{ sku: 'A', quantity: 1 }] },
    { buyer: { email: 'ada@example.com' } },
    { selectedDestinationId: 'home' },
    { selectedShippingId: 'standard' },
  ];
  const lacks = [
    empty,
    ...grown.map((_, index) => Object.assign({}, empty, ...grown.slice(0, index + 1)) as Draft),
  ].map((draft) => lacksOf(quoteDraft(draft, offers, gbp, shipping).content));
  expect(lacks).toEqual([
    ['lines', 'email', 'destination'],
    ['email', 'destination'],
    ['destination'],
    ['shipping'],
    [],
  ]);
});

test('standard shipping at home is free from 75.00 on, abroad never, and each destination has its options', () => {
  const priceOf = (country: string, subtotalMinor: bigint) =>
    shipping(country, subtotalMinor).map((option) => [option.id, option.priceMinor]);
  expect(priceOf('GB', 7_499n)).toEqual([
    ['standard', 395n],
    ['express', 795n],
  ]);
  expect(priceOf('GB', 7_500n)).toEqual([
    ['standard', 0n],
    ['express', 795n],
  ]);
  expect(priceOf('FR', 7_500n)).toEqual([
    ['standard', 995n],
    ['express', 2_495n],
  ]);
});
