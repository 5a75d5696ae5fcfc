import { createHash } from 'node:crypto';
import { upsertProducts } from '../../src/catalog/import.sql.ts';
import { createDesk } from '../../src/checkout/desk.run.ts';
import type { Caller } from '../../src/checkout/desk.ts';
import { receiveFirstStock } from '../../src/inventory/stock.sql.ts';
import { sleepingWaker } from '../../src/messaging/waker.ts';
import { createOutcomeWatch } from '../../src/orders/outcome-watch.run.ts';
import { present } from '../../src/shared/assert.ts';
import { isRefused } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { currencyOf } from '../../src/shared/money.ts';
import type { Database } from '../../src/shared/postgres/client.ts';
import { Secret } from '../../src/shared/secret.ts';

/** What must never be shown unasked. */
export const personalData = [
  'Ada',
  'Lovelace',
  'ada@example.org',
  '12 St James Square',
  'SW1Y 4JH',
  '+44 20 7946 0000',
];

/** A merchant with a caller and two products, 100 units each. */
export async function seedMerchant(database: Database, merchantId: string): Promise<Caller> {
  await database.execute({
    text: `insert into merchants (merchant_id, name, currency, country) values ($1, 'A shop', 'GBP', 'GB')`,
    values: [merchantId],
  });
  await database.execute({
    text: `insert into callers (caller_id, merchant_id, name, api_key_sha256) values ('web', $1, 'Web shop', $2)`,
    values: [merchantId, createHash('sha256').update(merchantId).digest()],
  });
  const products = {
    skus: ['85123A', '22752'],
    titles: ['WHITE HEART HOLDER', 'SET 7 BOXES'],
    pricesMinor: [255n, 765n],
  };
  await database.transaction(async (tx) => {
    await upsertProducts(tx, { merchantId, currency: currencyOf('GBP'), ...products });
    const received = { merchantId, skus: products.skus, units: [100, 100], actor: 'a test', reason: 'first stock' };
    await receiveFirstStock(tx, { ...received, newId: newUuid });
  });
  return { merchantId, callerId: 'web', currency: 'GBP', country: 'GB' };
}

/** Places an order as a caller does: by the desk and the commit. Returns the order's UUID. */
export async function placeOrder(database: Database, caller: Caller, token = 'tok_ok'): Promise<string> {
  const desk = createDesk({ database, newId: newUuid, waker: sleepingWaker, watch: createOutcomeWatch(database) });
  const draft = {
    lines: [
      { sku: '85123A', quantity: 2 },
      { sku: '22752', quantity: 1 },
    ],
    buyer: { firstName: 'Ada', lastName: 'Lovelace', email: 'ada@example.org', phoneNumber: '+44 20 7946 0000' },
    destinations: [
      {
        id: 'home',
        firstName: 'Ada',
        lastName: 'Lovelace',
        streetAddress: '12 St James Square',
        locality: 'London',
        postalCode: 'SW1Y 4JH',
        country: 'GB',
      },
    ],
    selectedDestinationId: 'home',
    selectedShippingId: 'standard',
  };
  const checkout = await desk.create(caller, draft, null);
  if (isRefused(checkout)) throw new Error(checkout.message);
  const completed = await desk.complete(caller, checkout.checkoutId, {
    key: { key: newUuid(), requestSha256: createHash('sha256').update('a request').digest() },
    token: new Secret(token),
    provider: 'simulated',
    billingCountry: 'GB',
    seenVersion: null,
    waitMs: 0,
    traceparent: null,
  });
  if (isRefused(completed)) throw new Error(completed.message);
  return present(completed.orderId, `an order (${JSON.stringify(completed.notices)})`);
}
