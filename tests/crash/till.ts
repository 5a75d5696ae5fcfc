import { newUuid } from '../../src/shared/ids.ts';
import type { Database } from '../../src/shared/postgres/client.ts';
import { fetchAuthorisations } from '../judges/collect.ts';
import { createRecordingClient } from '../judges/recording-client.ts';
import { type Buyer, shownIn, type Till } from './journey.ts';
import { type Lane, secrets } from './lane.ts';

const merchantId = 'demo';
/** Longer than any recovery takes; whoever waits longer waits for ever. */
const waitMaxMs = 60_000;
const pollMs = 40;

/** The shop of a lane, for one journey. */
export function openTill(lane: Lane): Till {
  const { database } = lane;
  const orders = (checkoutId: string) => orderOf(database, checkoutId);
  return {
    buyer: buyerAt(lane, 'buyer'),
    anotherBuyer: () => buyerAt(lane, 'another buyer'),
    product: ({ units = 1_000, priceMinor = 255 } = {}) => putOnSale(database, units, priceMinor),
    async untilPayment(checkoutId, status) {
      await until(`the payment is ${status}`, async () => {
        const order = await orders(checkoutId);
        return order !== null && (order.payment === status || isOver(order));
      });
    },
    async untilAuthorised(checkoutId, withinMs) {
      const order = await orders(checkoutId);
      const deadline = Date.now() + withinMs;
      await until('the time is up', async () => {
        if (Date.now() > deadline) return true;
        const books = await fetchAuthorisations(lane.providerUrl, secrets.controlSecret).catch(() => []);
        return books.some(({ key }) => key === `${order?.order_id}-authorise`);
      });
    },
    async untilEnded(checkoutId) {
      await until('the order has ended', async () => {
        const order = await orders(checkoutId);
        return order !== null && isOver(order);
      });
    },
    async passDeadline(checkoutId) {
      await database.execute({
        text: `
          update orders set deadline_at = now() - interval '1 millisecond'
          where checkout_id = $1 and deadline_at is not null`,
        values: [checkoutId],
      });
    },
  };
}

/** How the checkout ended, in the words of a journey's `ends`. */
export async function endOf(database: Database, checkoutId: string, refusal: string | null): Promise<string> {
  const order = await orderOf(database, checkoutId);
  if (order === null) return refusal === null ? 'no order' : `refused ${refusal}`;
  const code = order.cancel_code === null ? '' : ` ${order.cancel_code}`;
  return `${order.status}${code}, payment ${order.payment}`;
}

type Order = { order_id: string; status: string; cancel_code: string | null; payment: string };

async function orderOf(database: Database, checkoutId: string): Promise<Order | null> {
  const [order] = await database.query<Order>({
    name: 'order_of_checkout',
    text: `
      select o.order_id, o.status, o.cancel_code, p.status as payment
      from orders o join payments p using (order_id) where o.checkout_id = $1`,
    values: [checkoutId],
  });
  return order ?? null;
}

function isOver({ status }: Order): boolean {
  return status === 'confirmed' || status === 'cancelled';
}

export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + waitMaxMs;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not within ${waitMaxMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

function buyerAt(lane: Lane, client: string): Buyer {
  const email = `${newUuid()}@example.com`;
  const once = createRecordingClient({
    origin: () => lane.apiUrl,
    apiKey: 'key-shop',
    client,
    history: lane.history,
  });
  const stubborn = () => ({ key: newUuid(), triesMax: 400, pauseMs: 50 });
  return {
    once,
    create: (lines) => once.create({ lines, email }, stubborn()),
    update: (checkout, lines) => once.update(shownIn(checkout).checkoutId, { lines, email }, stubborn()),
    complete: (checkout, token, waitSeconds = 0) =>
      once.complete(shownIn(checkout), { ...stubborn(), token, waitSeconds }),
    cancel: (checkout) => once.cancel(shownIn(checkout).checkoutId, stubborn()),
    async read(checkout) {
      let told = await once.read(shownIn(checkout).checkoutId);
      await until('the checkout can be read', async () => {
        if (told.outcome.kind === 'unknown') told = await once.read(shownIn(checkout).checkoutId);
        return told.outcome.kind !== 'unknown';
      });
      return told;
    },
  };
}

async function putOnSale(database: Database, units: number, priceMinor: number): Promise<string> {
  const sku = `SKU-${newUuid()}`;
  await database.execute({
    name: 'put_on_sale',
    text: `
      with sold as (
        insert into products (merchant_id, sku, title, price_minor, currency)
        values ($1, $2, 'A product', $4, 'GBP')
      ), received as (
        insert into stock (merchant_id, sku, received_units) values ($1, $2, $3)
      )
      insert into stock_adjustments (adjustment_id, merchant_id, sku, units, reason, actor)
      values (gen_random_uuid(), $1, $2, $3, 'received', 'crash matrix')`,
    values: [merchantId, sku, units, priceMinor],
  });
  return sku;
}
