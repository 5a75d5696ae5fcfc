import { createHash } from 'node:crypto';
import { type Refused, refuse } from '../shared/failure.ts';
import { amountMinorMax } from '../shared/money.ts';

/** Which products, in which order. Every page of one walk is asked for with the same filter. */
export type ProductFilter = {
  /** Words to search titles for, as a person types them: `"tea light" -red`. Null: all. */
  readonly words: string | null;
  readonly minPriceMinor: bigint | null;
  readonly maxPriceMinor: bigint | null;
  readonly inStockOnly: boolean;
  readonly sort: ProductSort;
};

export const productSorts = ['sku', 'price', '-price'] as const;
export type ProductSort = (typeof productSorts)[number];

/** The last product of a page: the next page begins after it. */
export type Cursor = { readonly sku: string; readonly priceMinor: bigint };

/** A SKU of 64 characters, four bytes each, in base64url with the rest of the cursor, is well below this. */
export const cursorLengthMax = 600;
const skuLengthMax = 64;

/**
 * The opaque form of a cursor: base64url of JSON, bound to its filter and sort by a fingerprint. It is no secret and
 * grants nothing; the fingerprint only keeps a page of one search from being continued in another.
 */
export function encodeCursor(filter: ProductFilter, after: Cursor): string {
  const content = { v: 1, f: fingerprint(filter), k: after.sku, p: after.priceMinor.toString() };
  return Buffer.from(JSON.stringify(content)).toString('base64url');
}

/** The cursor of this filter, or `cursor_invalid` for anything that encodeCursor did not make for it. */
export function decodeCursor(filter: ProductFilter, text: string): Cursor | Refused {
  const content = text.length <= cursorLengthMax ? parse(text) : null;
  if (content === null) return refuseCursor('This is not a cursor of this list.');
  if (content.f !== fingerprint(filter)) return refuseCursor('This cursor belongs to another search or order.');
  const cursor = { sku: content.k, priceMinor: BigInt(content.p) };
  // One spelling per cursor: what does not encode to itself was not made here.
  return encodeCursor(filter, cursor) === text ? cursor : refuseCursor('This is not a cursor of this list.');
}

type Content = { readonly v: 1; readonly f: string; readonly k: string; readonly p: string };

function parse(text: string): Content | null {
  if (!/^[A-Za-z0-9_-]+$/.test(text)) return null;
  let content: unknown;
  try {
    content = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
  } catch {
    return null;
  }
  return isContent(content) ? content : null;
}

function isContent(value: unknown): value is Content {
  if (typeof value !== 'object' || value === null) return false;
  const { v, f, k, p } = value as Record<string, unknown>;
  if (v !== 1 || typeof f !== 'string' || typeof k !== 'string' || typeof p !== 'string') return false;
  // PostgreSQL's text cannot hold the character 0.
  if (k === '' || k.length > skuLengthMax || k.includes('\0')) return false;
  return /^[1-9][0-9]{0,13}$/.test(p) && BigInt(p) <= amountMinorMax;
}

function fingerprint(filter: ProductFilter): string {
  const parts = [
    filter.sort,
    filter.words,
    filter.minPriceMinor?.toString() ?? null,
    filter.maxPriceMinor?.toString() ?? null,
    filter.inStockOnly,
  ];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 16);
}

function refuseCursor(message: string): Refused {
  return refuse('cursor_invalid', `${message} Use next_cursor as it was given, or start without one.`, {
    path: '$.cursor',
  });
}
