import { type Currency, fractionDigitsOf, parseDecimal } from '../shared/money.ts';
import { cleaned, faultOfField, type LineFault, type TextFault } from './csv-lines.ts';

/** The columns of a plain list of products, in any order. */
export const listColumns = ['sku', 'title', 'price', 'stock'] as const;
export type ListColumn = (typeof listColumns)[number];

/** A row of the list: a product as its merchant wants it. */
export type ListedProduct = {
  /** As in the file: what a checkout must call it. */
  readonly sku: string;
  readonly title: string;
  readonly priceMinor: bigint;
  /** What is received for it if it has no stock yet; null where the file does not say. */
  readonly receivedUnits: number | null;
};

/** Why a row is left out: nothing of it is guessed. */
export type ListFault = {
  readonly fault: LineFault | TextFault | 'not_a_number' | 'too_precise' | 'no_price' | 'no_name' | 'wrong_form';
  readonly field: ListColumn | null;
};

/** Reads the fields of a row, given the names of the columns; null if these are not the columns of a list. */
export function listParser(
  names: readonly string[],
  currency: Currency,
): ((fields: readonly string[] | LineFault) => ListedProduct | ListFault) | null {
  const places = listColumns.map((column) => names.indexOf(column));
  if (names.length !== listColumns.length || places.includes(-1)) return null;
  return (fields) => {
    if (typeof fields === 'string') return { fault: fields, field: null };
    if (fields.length !== listColumns.length) return { fault: 'wrong_columns', field: null };
    const [sku = '', title = '', price = '', stock = ''] = places.map((place) => fields[place] ?? '');
    return parseFields({ sku, title, price, stock }, currency);
  };
}

export function isListFault(row: ListedProduct | ListFault): row is ListFault {
  return 'fault' in row;
}

const lengthsMax: Readonly<Record<ListColumn, number>> = { sku: 64, title: 255, price: 32, stock: 16 };

function parseFields(row: Record<ListColumn, string>, currency: Currency): ListedProduct | ListFault {
  for (const field of listColumns) {
    const fault = faultOfField(row[field], lengthsMax[field]);
    if (fault !== null) return { fault, field };
  }
  const [sku, title] = [cleaned(row.sku), cleaned(row.title)];
  if (!hasWord.test(sku)) return { fault: 'wrong_form', field: 'sku' };
  if (!hasWord.test(title)) return { fault: 'no_name', field: 'title' };
  const priceMinor = parsePrice(row.price.trim(), currency);
  if (typeof priceMinor === 'string') return { fault: priceMinor, field: 'price' };
  const stock = row.stock.trim();
  if (!/^\d{0,12}$/.test(stock)) return { fault: 'not_a_number', field: 'stock' };
  return { sku, title, priceMinor, receivedUnits: stock === '' ? null : Number(stock) };
}

const hasWord = /[\p{L}\p{N}]/u;

/** A price is what the merchant wrote: one with more decimals than the currency has is not rounded. */
function parsePrice(text: string, currency: Currency): bigint | 'not_a_number' | 'too_precise' | 'no_price' {
  const priceMinor = parseDecimal(text, currency);
  if (priceMinor === null) return 'not_a_number';
  const [, fraction = ''] = text.split('.');
  if (fraction.replace(/0+$/, '').length > fractionDigitsOf(currency)) return 'too_precise';
  return priceMinor > 0n ? priceMinor : 'no_price';
}
