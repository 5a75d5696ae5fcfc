import { upsertProducts } from '../../../src/catalog/import.sql.ts';
import { readOffers } from '../../../src/catalog/products.sql.ts';
import {
  cancelCheckout,
  insertCheckout,
  insertKey,
  insertQuote,
  lockCheckout,
  readCheckouts,
  readKey,
  readQuote,
} from '../../../src/checkout/checkout.sql.ts';
import { lockStock, readCompleteKeys, writeCommit } from '../../../src/checkout/commit.sql.ts';
import type { QuoteContent } from '../../../src/checkout/quote.ts';
import { ordersInLastHour } from '../../../src/fraud/facts.sql.ts';
import { releaseReservations, sellReservations } from '../../../src/inventory/reservations.sql.ts';
import { readOrder, readOutcomes } from '../../../src/orders/orders.sql.ts';
import { currencyOf } from '../../../src/shared/money.ts';
import { caller, merchantId } from '../seed-rows.ts';
import { type Draws, drawKey, hash, nobody, skus, titleOf } from './draws.ts';
import type { StatementDeed } from './statement-deed.ts';

export const ofCheckout: Readonly<Record<string, StatementDeed>> = {
  readCheckouts: ({ tables, id }) => {
    const ids = [...tables.checkouts.slice(0, 5).map((each) => String(each.checkout_id)), id('orders', 'checkout_id')];
    return (tx) => readCheckouts(tx, ids);
  },
  readQuote: (draws) => {
    const [id, version] = [draws.id('quotes', 'checkout_id'), draws.chance.between(1, 3)];
    return (tx) => readQuote(tx, id, version);
  },
  lockCheckout: (draws) => {
    const id = draws.id('checkouts', 'checkout_id');
    return (tx) => lockCheckout(tx, id);
  },
  insertCheckout: (draws) => {
    const { chance } = draws;
    const checkoutId = chance.happens(0.3) ? draws.id('checkouts', 'checkout_id') : null;
    const currency = chance.pick(['GBP', 'GBP', 'EUR', 'pounds']);
    const [content, callerId] = [drawContent(draws), chance.pick(['shop', 'other', 'nobody'])];
    const lifeMs = chance.magnitude(1_000, 100_000_000);
    return (tx, newId) =>
      insertCheckout(tx, { checkoutId: checkoutId ?? newId(), merchantId, callerId, currency, content, lifeMs });
  },
  insertQuote: (draws) => {
    const [checkoutId, version] = [draws.id('checkouts', 'checkout_id'), draws.chance.between(0, 3)];
    const content = drawContent(draws);
    return (tx) => insertQuote(tx, { checkoutId, merchantId, version, currency: 'GBP', content });
  },
  cancelCheckout: (draws) => {
    const id = draws.id('checkouts', 'checkout_id');
    return (tx) => cancelCheckout(tx, id);
  },
  readKey: ({ chance }) => {
    const operation = chance.pick(['create', 'update', 'cancel'] as const);
    const { key: idempotencyKey } = drawKey(chance);
    return (tx) => readKey(tx, { ...caller, operation, idempotencyKey });
  },
  insertKey: (draws) => {
    const { chance } = draws;
    const operation = chance.pick(['create', 'update', 'cancel'] as const);
    const { key: idempotencyKey, requestSha256 } = drawKey(chance);
    const checkoutId = draws.id('checkouts', 'checkout_id');
    const short = chance.happens(0.1) ? requestSha256.subarray(0, 31) : requestSha256;
    const key = { ...caller, operation, idempotencyKey, requestSha256: short, checkoutId, version: 1, notices: [] };
    return (tx) => insertKey(tx, key);
  },
  readCompleteKeys: ({ chance }) => {
    const keys = Array.from({ length: 3 }, () => ({ ...caller, idempotencyKey: drawKey(chance).key }));
    return (tx) => readCompleteKeys(tx, keys);
  },
  lockStock: ({ chance }) => {
    const wanted = new Set([chance.pick(skus), chance.pick(skus), 'UNKNOWN']);
    return (tx) =>
      lockStock(
        tx,
        [...wanted].map((sku) => ({ merchantId, sku })),
      );
  },
  writeCommit: (draws) => {
    const { chance } = draws;
    const holds = skus.map((sku) => ({ merchantId, sku, units: BigInt(chance.between(-2, 6)) }));
    const key = {
      merchant_id: merchantId,
      caller_id: caller.callerId,
      idempotency_key: drawKey(chance).key,
      request_sha256: hash('by hand').toString('hex'),
      checkout_id: draws.id('checkouts', 'checkout_id'),
      outcome: { outcome: 'refused', version: 1 },
      order_id: null,
    };
    return (tx) => writeCommit(tx, { orders: [], lines: [], holds, reservations: [], keys: [key], quotes: [] });
  },
};

export const ofOrders: Readonly<Record<string, StatementDeed>> = {
  readOffers: ({ chance }) => {
    const wanted = [chance.pick(skus), 'UNKNOWN', chance.pick(skus)];
    return (tx) => readOffers(tx, merchantId, wanted);
  },
  upsertProducts: ({ chance }) => {
    const names = [...new Set([chance.pick(skus), chance.happens(0.2) ? 'UNCOUNTED' : chance.pick(skus)])];
    const titles = names.map((sku) => (chance.happens(0.8) ? titleOf(sku) : `New ${sku}`));
    const pricesMinor = names.map(() => BigInt(chance.pick([255, 255, 255, 300, 1_000, 0])));
    const currency = currencyOf('GBP');
    return (tx) => upsertProducts(tx, { merchantId, currency, skus: names, titles, pricesMinor });
  },
  sellReservations: (draws) => {
    const id = draws.id('orders', 'order_id');
    return (tx) => sellReservations(tx, id);
  },
  releaseReservations: (draws) => {
    const id = draws.id('orders', 'order_id');
    return (tx) => releaseReservations(tx, id);
  },
  ordersInLastHour: (draws) => {
    const id = draws.id('orders', 'order_id');
    return (tx) => ordersInLastHour(tx, id);
  },
  readOrder: (draws) => {
    const [orderId, callerId] = [draws.id('orders', 'order_id'), draws.chance.pick(['shop', 'other'])];
    return (tx) => readOrder(tx, { merchantId, callerId, orderId });
  },
  readOutcomes: ({ tables }) => {
    const ids = [nobody, ...tables.orders.slice(0, 6).map((order) => String(order.order_id))];
    return (tx) => readOutcomes(tx, ids);
  },
};

function drawContent({ chance }: Draws): QuoteContent {
  const amounts = { shippingMinor: 395n, subtotalMinor: 255n, totalMinor: BigInt(chance.pick([650, 0, -1])) };
  const line = { lineId: 'li_1', sku: 'APPLE', title: titleOf('APPLE'), quantity: 1 };
  return {
    lines: [{ ...line, unitPriceMinor: 255n, totalMinor: 255n }],
    buyer: { email: 'ada@example.com' },
    destinations: [{ id: 'home', country: 'GB' }],
    selectedDestinationId: 'home',
    selectedShippingId: 'standard',
    ...amounts,
  };
}
