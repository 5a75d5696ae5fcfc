import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from 'vitest';
import { isFault, parseRow, type RetailLine } from '../../src/catalog/online-retail.ts';
import { readRetailFile } from '../../src/catalog/retail-file.run.ts';
import { replayCountryOf } from '../../src/operations/replay-countries.ts';
import { type PlanOptions, planReplay } from '../../src/operations/replay-plan.ts';
import { limits } from '../../src/shared/limits.ts';

const sample = fileURLToPath(new URL('../../data/online-retail/online-retail-40k.csv.gz', import.meta.url));
const whole: PlanOptions = { orders: null, seed: 'test', declinePercent: 2 };

const lines: RetailLine[] = [];
beforeAll(async () => {
  await readRetailFile({ file: sample, onRow: (row) => (isFault(row) ? undefined : lines.push(row)) });
});

describe('the replay plan of the sample', () => {
  test('every unit that was sold is bought once, and every cancellation is a checkout that is cancelled', () => {
    const plan = planReplay(lines, whole);
    expect(plan.counts).toMatchObject({
      invoices: 13_199,
      ordersSplitOff: 0,
      quantitiesCapped: 0,
      countriesUnknown: 0,
    });
    expect(plan.orders.length + plan.counts.invoicesWithoutGoods).toBe(13_199);
    const bought = plan.orders.filter((order) => order.ends === 'complete').flatMap((order) => order.lines);
    // The import receives twice what was sold and 50 more for each of 3,118 products: 925,810 units.
    expect(bought.reduce((sum, line) => sum + line.quantity, 0)).toBe((925_810 - 50 * 3_118) / 2);
    expect(plan.orders.filter((order) => order.ends === 'cancel').every((order) => order.id.startsWith('C'))).toBe(
      true,
    );
    expect(plan.orders.filter((order) => order.ends === 'cancel').length).toBeGreaterThan(400);
  });

  test('orders come in the order of time, with unique ids, one line per SKU and within the limits', () => {
    const { orders } = planReplay(lines, whole);
    const times = orders.map((order) => order.invoicedAtMs);
    expect(times).toEqual(times.toSorted((left, right) => left - right));
    expect(new Set(orders.map((order) => order.id)).size).toBe(orders.length);
    for (const order of orders) {
      expect(order.lines.length).toBeGreaterThan(0);
      expect(order.lines.length).toBeLessThanOrEqual(limits.checkoutLinesMax);
      expect(new Set(order.lines.map((line) => line.sku)).size).toBe(order.lines.length);
      expect(order.buyer.email).toMatch(/^(customer|guest)-c?\d+\.\d{4}-\d\d-\d\dt\d\d@example\.com$/);
    }
  });

  test('the same seed gives the same plan, whatever the order of the rows, and another seed another one', () => {
    const some: PlanOptions = { orders: 300, seed: 'a', declinePercent: 10 };
    const first = planReplay(lines, some);
    expect(planReplay(lines, some)).toEqual(first);
    const other = planReplay(lines, { ...some, seed: 'b' });
    expect(other.orders.map((order) => order.id)).not.toEqual(first.orders.map((order) => order.id));
    const reversed = planReplay(lines.toReversed(), some);
    expect(reversed.orders.map((order) => order.id)).toEqual(first.orders.map((order) => order.id));
    expect(reversed.orders.map((order) => order.lines)).toEqual(first.orders.map((order) => order.lines));
  });

  test('about as many buyers as asked for have a card that is declined', () => {
    const declined = (declinePercent: number) => {
      const { orders } = planReplay(lines, { ...whole, declinePercent });
      const paid = orders.filter((order) => order.ends === 'complete');
      return (paid.filter((order) => order.isDeclined).length / paid.length) * 100;
    };
    expect(declined(0)).toBe(0);
    expect(declined(100)).toBe(100);
    expect(Math.abs(declined(10) - 10)).toBeLessThan(1);
  });

  test('more orders than the file has are further rounds under ids and buyers of their own', () => {
    const { orders } = planReplay(lines.slice(0, 50), { ...whole, orders: 200 });
    expect(orders).toHaveLength(200);
    expect(new Set(orders.map((order) => order.id)).size).toBe(200);
    expect(planReplay([], { ...whole, orders: 5 }).orders).toEqual([]);
  });
});

describe('an invoice of the replay', () => {
  const row = ['536365', '85123A', 'TIN', '2', '40513.35', '2.55', '17850', 'United Kingdom'];
  const line = (changes: Record<number, string>) => {
    const parsed = parseRow(row.map((field, index) => changes[index] ?? field));
    if (isFault(parsed)) throw new Error(parsed.fault);
    return parsed;
  };

  test('lines of one SKU are merged, fees and unpaid rows are left out, and quantities are capped', () => {
    const rows = [line({}), line({ 1: '85123a', 3: '3' }), line({ 1: 'POST' }), line({ 5: '0', 1: '9' })];
    const plan = planReplay([...rows, line({ 1: '71053', 3: '2000000' })], whole);
    expect(plan.orders[0]?.lines).toEqual([
      { sku: '71053', quantity: limits.lineQuantityMax },
      { sku: '85123A', quantity: 5 },
    ]);
    expect(plan.counts).toMatchObject({ linesMerged: 1, quantitiesCapped: 1 });
  });

  test('an invoice of more lines than a checkout takes is split and loses none', () => {
    const rows = Array.from({ length: 230 }, (_, index) => line({ 1: `${10_000 + index}` }));
    const plan = planReplay(rows, whole);
    expect(plan.orders.map((order) => order.lines.length)).toEqual([100, 100, 30]);
    expect(plan.counts.ordersSplitOff).toBe(2);
  });

  test('an invoice of fees alone is counted and not bought', () => {
    const plan = planReplay([line({ 1: 'POST' }), line({ 0: 'C536366', 1: 'D', 3: '-1' })], whole);
    expect(plan.orders).toEqual([]);
    expect(plan.counts.invoicesWithoutGoods).toBe(2);
  });

  test('names that are no countries are taken for the one that was decided, and unknown ones are counted', () => {
    expect(['EIRE', 'RSA', 'Channel Islands', 'European Community', 'Unspecified'].map(replayCountryOf)).toEqual([
      'IE',
      'ZA',
      'JE',
      'BE',
      'GB',
    ]);
    const plan = planReplay([line({ 7: 'Atlantis' })], whole);
    expect(plan.orders[0]?.country).toBe('GB');
    expect(plan.counts.countriesUnknown).toBe(1);
  });
});
