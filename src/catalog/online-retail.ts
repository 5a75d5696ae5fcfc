import { currencyOf, parseDecimal } from '../shared/money.ts';
import { cleaned, faultOfField, type LineFault, type TextFault } from './csv-lines.ts';

/** The columns of the Online Retail data set (D. Chen, UCI, doi 10.24432/C5BW33), in order. */
export const retailColumns = [
  'InvoiceNo',
  'StockCode',
  'Description',
  'Quantity',
  'InvoiceDate',
  'UnitPrice',
  'CustomerID',
  'Country',
] as const;
export type RetailColumn = (typeof retailColumns)[number];

/** The retailer is British and its prices are in pounds. */
export const retailCurrency = currencyOf('GBP');

/** One row, parsed. It need not be a sale: see whyNoSale. */
export type RetailLine = {
  /** As in the file; cancellations begin with a C. */
  readonly invoice: string;
  /** Upper case: the tills wrote 85123a and 85123A for one thing. */
  readonly sku: string;
  /** Cleaned of control characters and doubled white space; may be empty. */
  readonly title: string;
  /** Negative in cancellations and in corrections of the stock. */
  readonly quantity: number;
  readonly unitPriceMinor: bigint;
  /** UTC; the file has the retailer's wall clock without a zone. */
  readonly invoicedAtMs: number;
  readonly customer: string | null;
  readonly country: string;
};

/** Why a row is refused whole: it cannot be read, and nothing of it is guessed. */
export type RowFault = {
  readonly fault: LineFault | TextFault | 'not_a_number' | 'not_a_date' | 'wrong_form';
  readonly field: RetailColumn | null;
};

/** Why a row that can be read is not a sale of a product. */
export type NoSaleReason = 'cancellation' | 'fee' | 'negative_quantity' | 'no_price' | 'no_name';

/** Whether a first line names these columns, in whatever case. */
export function isRetailHeader(names: readonly string[]): boolean {
  return names.length === retailColumns.length && retailColumns.every((c, i) => c.toLowerCase() === names[i]);
}

/** Parses a row once. Everything after it trusts the types. */
export function parseRow(fields: readonly string[] | LineFault): RetailLine | RowFault {
  if (typeof fields === 'string') return { fault: fields, field: null };
  if (fields.length !== retailColumns.length) return { fault: 'wrong_columns', field: null };
  const [invoice = '', code = '', description = '', quantity = '', date = '', price = '', customer = '', country = ''] =
    fields;
  const fault = faultOfText(fields);
  if (fault !== null) return fault;
  const sku = cleaned(code).toUpperCase();
  const unitPriceMinor = parseDecimal(price, retailCurrency);
  const invoicedAtMs = parseDate(date.trim());
  const customerForm = /^(?:(\d{1,10})(?:\.0)?)?$/.exec(customer.trim());
  if (!/^[A-Z]?\d{1,12}$/.test(invoice.trim())) return { fault: 'wrong_form', field: 'InvoiceNo' };
  if (!/^[A-Z0-9][A-Z0-9 _.-]{0,63}$/.test(sku)) return { fault: 'wrong_form', field: 'StockCode' };
  if (!/^-?\d{1,7}$/.test(quantity.trim())) return { fault: 'not_a_number', field: 'Quantity' };
  if (invoicedAtMs === null) return { fault: 'not_a_date', field: 'InvoiceDate' };
  if (unitPriceMinor === null) return { fault: 'not_a_number', field: 'UnitPrice' };
  if (customerForm === null) return { fault: 'wrong_form', field: 'CustomerID' };
  return {
    invoice: invoice.trim(),
    sku,
    title: cleaned(description),
    quantity: Number(quantity),
    unitPriceMinor,
    invoicedAtMs,
    customer: customerForm[1] ?? null,
    country: cleaned(country),
  };
}

export function isFault(row: RetailLine | RowFault): row is RowFault {
  return 'fault' in row;
}

export function isCancellation(line: RetailLine): boolean {
  return line.invoice.startsWith('C');
}

/** Null for a sale. A row with several reasons gets the first of this order. */
export function whyNoSale(line: RetailLine): NoSaleReason | null {
  if (isCancellation(line)) return 'cancellation';
  if (isFee(line.sku)) return 'fee';
  if (line.quantity <= 0) return 'negative_quantity';
  if (line.unitPriceMinor <= 0n) return 'no_price';
  // Names such as `?` are notes of the warehouse.
  if (!/[\p{L}\p{N}]/u.test(line.title)) return 'no_name';
  return null;
}

/**
 * Stock codes that are no goods: postage (POST, DOT), carriage (C2), manual entries (M), discounts (D), samples (S),
 * bad debt (B), commissions and fees, and PADS, which is given away. Gift vouchers are promises and no goods either.
 */
const feeCodes: readonly string[] = [
  'POST',
  'DOT',
  'C2',
  'M',
  'D',
  'S',
  'B',
  'CRUK',
  'PADS',
  'AMAZONFEE',
  'BANK CHARGES',
];

function isFee(sku: string): boolean {
  return feeCodes.includes(sku) || sku.startsWith('GIFT_');
}

const lengthsMax: readonly number[] = [16, 64, 255, 10, 32, 48, 16, 64];

function faultOfText(fields: readonly string[]): RowFault | null {
  for (const [index, text] of fields.entries()) {
    const fault = faultOfField(text, lengthsMax[index] ?? 0);
    if (fault !== null) return { fault, field: retailColumns[index] ?? null };
  }
  return null;
}

const dayMs = 86_400_000;
/** 1970-01-01 as Excel counts days. */
const unixEpochDay = 25_569;
const [earliestMs, latestMs] = [Date.UTC(2000, 0), Date.UTC(2100, 0)];

/** An Excel day such as 40846.678 (the UCI workbook), or 12/1/2010 8:26, month first (its well-known CSV export). */
function parseDate(text: string): number | null {
  const atMs = /^\d{5}(\.\d{1,20})?$/.test(text) ? excelDay(Number(text)) : monthFirst(text);
  return atMs !== null && atMs >= earliestMs && atMs < latestMs ? atMs : null;
}

function excelDay(day: number): number {
  // The fraction is binary: rounded to the second, 0.67847222222 is 16:17:00 and not 16:16:59.99.
  return Math.round(((day - unixEpochDay) * dayMs) / 1_000) * 1_000;
}

function monthFirst(text: string): number | null {
  const match = /^(\d{1,2})\/(\d{1,2})\/(\d{4}) (\d{1,2}):(\d{2})$/.exec(text);
  if (match === null) return null;
  const [month = 0, day = 0, year = 0, hour = 0, minute = 0] = match.slice(1).map(Number);
  const atMs = Date.UTC(year, month - 1, day, hour, minute);
  const at = new Date(atMs);
  // Date.UTC carries 2/30 over into March: a date that does not read back is none.
  const isReal = at.getUTCMonth() === month - 1 && at.getUTCDate() === day && hour < 24 && minute < 60;
  return isReal ? atMs : null;
}
