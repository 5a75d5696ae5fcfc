import { describe, expect, test } from 'vitest';
import { fieldsOf, lineCharsMax, lineCutter } from '../../src/catalog/csv-lines.ts';
import { isFault, parseRow, type RetailLine, whyNoSale } from '../../src/catalog/online-retail.ts';
import { productsOf, type SalesTally, tallySale } from '../../src/catalog/sales-tally.ts';

const honest = [
  '573415',
  '21166',
  'COOK WITH WINE METAL SIGN ',
  '1',
  '40846.67847222222',
  '2.08',
  '13607',
  'United Kingdom',
];

function rowWith(changes: Record<number, string>): string[] {
  return honest.map((field, index) => changes[index] ?? field);
}

function lineOf(changes: Record<number, string> = {}): RetailLine {
  const row = parseRow(rowWith(changes));
  if (isFault(row)) throw new Error(`a fault: ${row.fault} ${row.field}`);
  return row;
}

describe('a row of the retail file', () => {
  test('an honest row becomes a typed line', () => {
    expect(lineOf()).toEqual({
      invoice: '573415',
      sku: '21166',
      title: 'COOK WITH WINE METAL SIGN',
      quantity: 1,
      unitPriceMinor: 208n,
      invoicedAtMs: Date.UTC(2011, 9, 30, 16, 17),
      customer: '13607',
      country: 'United Kingdom',
    });
  });

  test('prices that went through a float come back to the penny', () => {
    expect(lineOf({ 5: '8.289999999999999' }).unitPriceMinor).toBe(829n);
    expect(lineOf({ 5: '8.470000000000001' }).unitPriceMinor).toBe(847n);
    expect(lineOf({ 5: '0.6899999999999999' }).unitPriceMinor).toBe(69n);
  });

  test('spellings of one stock code are one SKU', () => {
    expect(lineOf({ 1: '85123a' }).sku).toBe(lineOf({ 1: ' 85123A' }).sku);
  });

  test('control characters and doubled white space leave a title', () => {
    expect(lineOf({ 2: ' RED\u0000\u0007  TIN\t\u200bBOX\u00a0 ' }).title).toBe('RED TIN BOX');
  });

  test('the month-first dates of the common CSV export are read too', () => {
    expect(lineOf({ 4: '12/1/2010 8:26' }).invoicedAtMs).toBe(Date.UTC(2010, 11, 1, 8, 26));
  });

  test.each([
    [{ 0: 'X-1' }, 'wrong_form', 'InvoiceNo'],
    [{ 1: '' }, 'wrong_form', 'StockCode'],
    [{ 1: 'A'.repeat(65) }, 'too_long', 'StockCode'],
    [{ 2: 'x'.repeat(256) }, 'too_long', 'Description'],
    [{ 2: 'CAF\uFFFD' }, 'not_text', 'Description'],
    [{ 3: '1.5' }, 'not_a_number', 'Quantity'],
    [{ 3: '' }, 'not_a_number', 'Quantity'],
    [{ 4: 'yesterday' }, 'not_a_date', 'InvoiceDate'],
    [{ 4: '2/30/2011 8:26' }, 'not_a_date', 'InvoiceDate'],
    [{ 4: '99999' }, 'not_a_date', 'InvoiceDate'],
    [{ 5: 'free' }, 'not_a_number', 'UnitPrice'],
    [{ 5: '1e3' }, 'not_a_number', 'UnitPrice'],
    [{ 5: 'NaN' }, 'not_a_number', 'UnitPrice'],
    [{ 6: 'Smith' }, 'wrong_form', 'CustomerID'],
  ])('a row with %j is refused whole', (changes, fault, field) => {
    expect(parseRow(rowWith(changes))).toEqual({ fault, field });
  });

  test('a row with a column more or less is refused whole', () => {
    expect(parseRow(honest.slice(1))).toEqual({ fault: 'wrong_columns', field: null });
    expect(parseRow([...honest, ''])).toEqual({ fault: 'wrong_columns', field: null });
  });

  test.each([
    [{}, null],
    [{ 0: 'C573415', 3: '-1' }, 'cancellation'],
    [{ 1: 'POST' }, 'fee'],
    [{ 1: 'm' }, 'fee'],
    [{ 1: 'BANK CHARGES' }, 'fee'],
    [{ 1: 'gift_0001_40' }, 'fee'],
    [{ 1: 'DCGSSBOY' }, null],
    [{ 3: '-12' }, 'negative_quantity'],
    [{ 3: '0' }, 'negative_quantity'],
    [{ 5: '0' }, 'no_price'],
    [{ 5: '-11062.06' }, 'no_price'],
    [{ 5: '0.001' }, 'no_price'],
    [{ 2: '  ' }, 'no_name'],
    [{ 2: '??' }, 'no_name'],
  ])('a row with %j is no sale because of %s', (changes, reason) => {
    expect(whyNoSale(lineOf(changes))).toBe(reason);
  });
});

describe('the catalogue made of sales', () => {
  test('the title and the price are those of most lines and not of most units', () => {
    const tally: SalesTally = new Map();
    for (const changes of [{ 5: '2.10' }, { 5: '2.10' }, { 5: '1.69', 3: '500' }, { 5: '4.21', 2: 'COOK WITH VINE' }]) {
      tallySale(tally, lineOf(changes));
    }
    expect(productsOf(tally)).toEqual([
      { sku: '21166', title: 'COOK WITH WINE METAL SIGN', priceMinor: 210n, receivedUnits: 2 * 503 + 50 },
    ]);
  });

  test('of prices paid as often the one that moved more units is taken, whatever the order of the rows', () => {
    const lines = [lineOf({ 5: '2.10', 3: '3' }), lineOf({ 5: '1.69', 3: '4' })];
    for (const rows of [lines, lines.toReversed()]) {
      const tally: SalesTally = new Map();
      for (const row of rows) tallySale(tally, row);
      expect(productsOf(tally)[0]?.priceMinor).toBe(169n);
    }
  });
});

describe('lines of a file', () => {
  test('text cut anywhere gives the same lines', () => {
    const text = 'a,b\r\n\n"c,d",e\nlast';
    const whole = [...linesOf([text])];
    for (let at = 0; at <= text.length; at += 1) expect(linesOf([text.slice(0, at), text.slice(at)])).toEqual(whole);
    expect(whole.map((line) => line.text)).toEqual(['a,b', '', '"c,d",e', 'last']);
  });

  test('a line beyond the limit is reported once and the next one is read', () => {
    const lines = linesOf(['x'.repeat(lineCharsMax), 'y'.repeat(9_000), 'z', '\nnext\n']);
    expect(lines).toEqual([
      { number: 1, text: null },
      { number: 2, text: 'next' },
    ]);
  });

  test('a quotation mark that is never closed spoils its own line only', () => {
    expect(fieldsOf('1,"METAL SIGN,CUPCAKE SINGLE HOOK",2')).toEqual(['1', 'METAL SIGN,CUPCAKE SINGLE HOOK', '2']);
    expect(fieldsOf('1,"METAL SIGN,CUPCAKE SINGLE HOOK,2')).toBeNull();
    expect(fieldsOf('1,"a"b",2')).toBeNull();
  });
});

function linesOf(chunks: readonly string[]): { number: number; text: string | null }[] {
  const cutter = lineCutter();
  return [...chunks.flatMap((chunk) => cutter.push(chunk)), ...cutter.end()];
}
