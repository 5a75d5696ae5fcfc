import type { QuoteContent } from './quote.ts';

/** A quote's content as jsonb: amounts are decimal strings of minor units, because a JSON number is a float. */
export function quoteToJson(content: QuoteContent): string {
  return JSON.stringify(content, (_key, value: unknown) => (typeof value === 'bigint' ? value.toString() : value));
}

type Stored<T> = T extends bigint
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Stored<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Stored<T[Key]> }
      : T;

export type StoredQuoteContent = Stored<QuoteContent>;

/** The content of a stored quote. What was written by `quoteToJson` comes back equal. */
export function quoteFromJson(stored: StoredQuoteContent): QuoteContent {
  return {
    ...stored,
    lines: stored.lines.map((line) => ({
      ...line,
      unitPriceMinor: BigInt(line.unitPriceMinor),
      totalMinor: BigInt(line.totalMinor),
    })),
    shippingMinor: BigInt(stored.shippingMinor),
    subtotalMinor: BigInt(stored.subtotalMinor),
    totalMinor: BigInt(stored.totalMinor),
  };
}
