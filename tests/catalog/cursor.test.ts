import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeCursor, encodeCursor, type ProductFilter, productSorts } from '../../src/catalog/cursor.ts';
import { searchWordsOf } from '../../src/catalog/search-words.ts';
import { amountMinorMax } from '../../src/shared/money.ts';

const price = fc.option(fc.bigInt({ min: 0n, max: amountMinorMax }), { nil: null });
const anyFilter: fc.Arbitrary<ProductFilter> = fc.record({
  words: fc.option(fc.string({ maxLength: 40 }), { nil: null }),
  minPriceMinor: price,
  maxPriceMinor: price,
  inStockOnly: fc.boolean(),
  sort: fc.constantFrom(...productSorts),
});
const anyCursor = fc.record({
  sku: fc
    .string({ minLength: 1, maxLength: 64, unit: 'grapheme' })
    .filter((sku) => sku.length <= 64 && !sku.includes('\0')),
  priceMinor: fc.bigInt({ min: 1n, max: amountMinorMax }),
});

describe('a page cursor', () => {
  test('a cursor comes back as it was given, and needs no escaping in a URL', () => {
    fc.assert(
      fc.property(anyFilter, anyCursor, (filter, cursor) => {
        const text = encodeCursor(filter, cursor);
        expect(text).toMatch(/^[A-Za-z0-9_-]{1,600}$/);
        expect(decodeCursor(filter, text)).toEqual(cursor);
      }),
    );
  });

  test('a cursor of one filter is refused under any other', () => {
    fc.assert(
      fc.property(anyFilter, anyFilter, anyCursor, (mine, other, cursor) => {
        fc.pre(show(mine) !== show(other));
        expect(decodeCursor(other, encodeCursor(mine, cursor))).toMatchObject({ code: 'cursor_invalid' });
      }),
    );
  });

  test('garbage and altered cursors are refused and never throw', () => {
    const filter: ProductFilter = {
      words: null,
      minPriceMinor: null,
      maxPriceMinor: null,
      inStockOnly: false,
      sort: 'sku',
    };
    const json = fc.json().map((text) => Buffer.from(text).toString('base64url'));
    fc.assert(
      fc.property(fc.oneof(fc.string(), json, fc.base64String()), (text) => {
        expect(decodeCursor(filter, text)).toMatchObject({ code: 'cursor_invalid', path: '$.cursor' });
      }),
    );
    const honest = encodeCursor(filter, { sku: '21166', priceMinor: 208n });
    fc.assert(
      fc.property(fc.nat(honest.length - 1), fc.constantFrom('A', 'z', '=', ' ', '%'), (at, letter) => {
        fc.pre(honest[at] !== letter);
        const altered = decodeCursor(filter, honest.slice(0, at) + letter + honest.slice(at + 1));
        // A letter of the SKU or the price may be altered into another honest place to go on from.
        if (!('code' in altered)) expect(altered).not.toEqual({ sku: '21166', priceMinor: 208n });
      }),
    );
    expect(decodeCursor(filter, 'A'.repeat(1_000_000))).toMatchObject({ code: 'cursor_invalid' });
  });
});

describe('the words of a search', () => {
  test.each([
    ['lant', { head: '', prefix: `'lant':*` }],
    ['red lant', { head: 'red ', prefix: `'lant':*` }],
    ['heart t-lig', { head: 'heart t-', prefix: `'lig':*` }],
    ['café', { head: '', prefix: `'café':*` }],
    ['red ', { head: 'red ', prefix: null }],
    ['red -lant', { head: 'red -lant', prefix: null }],
    ['"red lant', { head: '"red lant', prefix: null }],
    ['x', { head: 'x', prefix: null }],
  ])('%s is taken as it stands, or with its last word begun', (text, words) => {
    expect(searchWordsOf(text)).toEqual({ whole: text, ...words });
  });

  test('a prefix is made of letters and digits alone, whatever was typed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const words = searchWordsOf(text);
        expect(words.whole).not.toContain('\0');
        if (words.prefix !== null) expect(words.prefix).toMatch(/^'[\p{L}\p{N}]{2,64}':\*$/u);
      }),
    );
  });
});

function show(filter: ProductFilter): string {
  return JSON.stringify(filter, (_key, value) => (typeof value === 'bigint' ? value.toString() : value));
}
