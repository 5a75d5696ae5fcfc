import type { Currency } from '../shared/money.ts';
import type { LineFault } from './csv-lines.ts';
import {
  isFault,
  isRetailHeader,
  type NoSaleReason,
  parseRow,
  type RetailColumn,
  type RowFault,
  retailColumns,
  whyNoSale,
} from './online-retail.ts';
import {
  isListFault,
  type ListColumn,
  type ListedProduct,
  type ListFault,
  listColumns,
  listParser,
} from './product-list.ts';
import { productsOf, type SalesTally, tallySale, tallySkusMax } from './sales-tally.ts';

/** Why a row is left out, and which column is to blame, if one is. */
export type Left = { readonly reason: LeftOutReason; readonly field: RetailColumn | ListColumn | null };
export type LeftOutReason = NoSaleReason | RowFault['fault'] | ListFault['fault'] | 'repeated';

/** A kind of file that products are made of. It holds what it has taken, and grows with the products alone. */
export type Source = {
  readonly rowsAre: 'sales' | 'products';
  /** Takes a row, or says why it is left out. */
  readonly take: (fields: readonly string[] | LineFault) => Left | null;
  /** Whether there were more products than one import takes. */
  readonly isFull: () => boolean;
  /** In the order of their SKUs, so that two imports at once lock rows in the same order. */
  readonly products: () => readonly ListedProduct[];
};

/** The columns of every kind of file, for people. */
export const columnsOfSources = `${listColumns.join(',')} (products) or ${retailColumns.join(',')} (order lines)`;

/** The kind of a file by the names of its columns; null if it is none of ours. Prices of a list are in the currency. */
export function sourceOf(names: readonly string[], currency: Currency): Source | null {
  const parseListed = listParser(names, currency);
  if (parseListed !== null) return listSource(parseListed);
  return isRetailHeader(names) ? salesSource() : null;
}

function listSource(parse: NonNullable<ReturnType<typeof listParser>>): Source {
  const listed = new Map<string, ListedProduct>();
  let isFull = false;
  return {
    rowsAre: 'products',
    take(fields) {
      const row = parse(fields);
      if (isListFault(row)) return { reason: row.fault, field: row.field };
      // Which of two rows is meant nobody can say: the first counts, and the other is told.
      if (listed.has(row.sku)) return { reason: 'repeated', field: 'sku' };
      isFull ||= listed.size >= tallySkusMax;
      if (!isFull) listed.set(row.sku, row);
      return null;
    },
    isFull: () => isFull,
    products: () => [...listed.values()].sort((left, right) => (left.sku < right.sku ? -1 : 1)),
  };
}

function salesSource(): Source {
  const tally: SalesTally = new Map();
  let isFull = false;
  return {
    rowsAre: 'sales',
    take(fields) {
      const row = parseRow(fields);
      if (isFault(row)) return { reason: row.fault, field: row.field };
      const reason = whyNoSale(row);
      if (reason !== null) return { reason, field: null };
      isFull ||= !tallySale(tally, row);
      return null;
    },
    isFull: () => isFull,
    products: () => productsOf(tally),
  };
}
