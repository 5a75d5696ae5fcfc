import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Caller } from '../../src/checkout/desk.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';
import { onetill } from './captured.ts';
import { personalData, placeOrder, seedMerchant } from './placed-order.ts';

let scratch: TestDatabase;
let caller: Caller;
beforeAll(async () => {
  scratch = await createTestDatabase();
  caller = await seedMerchant(scratch.database, 'shop');
});
afterAll(() => scratch.drop());

describe('onetill orders show', () => {
  test('one order is told on one screen without personal data', async () => {
    const orderId = await placeOrder(scratch.database, caller);
    const said = await onetill(scratch.url, ['orders', 'show', `ord_${orderId}`]);
    expect(said.exitCode).toBe(0);
    for (const text of personalData) expect(said.out).not.toContain(text);
  });
});
