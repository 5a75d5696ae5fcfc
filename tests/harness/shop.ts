import { createHash } from 'node:crypto';
import { createDesk } from '../../src/checkout/desk.run.ts';
import type { Caller, CheckoutDesk, CheckoutView, CompleteRequest } from '../../src/checkout/desk.ts';
import type { Draft } from '../../src/checkout/quote.ts';
import type { FraudScreen } from '../../src/fraud/screen.ts';
import { buildHandlers, buildWorker, runnerOptions, sweeperTasks } from '../../src/main/wiring.ts';
import type { QueueName, QueueSettings } from '../../src/messaging/queues.ts';
import { queueNames, queues } from '../../src/messaging/queues.ts';
import { createWaker } from '../../src/messaging/waker.run.ts';
import type { Worker } from '../../src/messaging/worker.run.ts';
import { createOutcomeWatch } from '../../src/orders/outcome-watch.run.ts';
import type { PaymentProvider } from '../../src/payments/provider.ts';
import type { PaymentTimings } from '../../src/payments/timings.ts';
import { startSweeper } from '../../src/sagas/sweeper.run.ts';
import { isRefused, type Refused } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { silentLogger } from '../../src/shared/log.ts';
import type { Database } from '../../src/shared/postgres/client.ts';
import { Secret } from '../../src/shared/secret.ts';

export const merchantId = 'demo';
export const caller: Caller = { merchantId, callerId: 'shop', currency: 'GBP', country: 'GB' };

/** A merchant with one caller (API key `key-shop`) and products at 2.55 each, each with the stock that is named. */
export async function seedShop(database: Database, stock: Readonly<Record<string, number>>): Promise<void> {
  const skus = Object.keys(stock);
  await database.query({
    text: `
      with merchant as (
        insert into merchants (merchant_id, name, currency, country) values ('demo', 'Demo', 'GBP', 'GB')
      ),
      callers as (
        insert into callers (merchant_id, caller_id, name, api_key_sha256)
        values ('demo', 'shop', 'Shop', sha256('key-shop')), ('demo', 'other', 'Other', sha256('key-other'))
      ), sold as (
        insert into products (merchant_id, sku, title, price_minor, currency)
        select 'demo', sku, 'Product ' || sku, 255, 'GBP' from unnest($1::text[]) as s(sku)
      ), received as (
        insert into stock (merchant_id, sku, received_units)
        select 'demo', sku, units from unnest($1::text[], $2::bigint[]) as s(sku, units)
      )
      insert into stock_adjustments (adjustment_id, merchant_id, sku, units, reason, actor)
      select gen_random_uuid(), 'demo', sku, units, 'seed', 'tests'
      from unnest($1::text[], $2::bigint[]) as s(sku, units)
      where units <> 0`,
    values: [skus, skus.map((sku) => stock[sku])],
  });
}

export function deskOn(database: Database): CheckoutDesk {
  const waker = createWaker(database, () => {});
  return createDesk({ database, newId: newUuid, waker, watch: createOutcomeWatch(database) });
}

/** A draft that lacks nothing. */
export function draftFor(lines: Readonly<Record<string, number>>, more: Partial<Draft> = {}): Draft {
  return {
    lines: Object.entries(lines).map(([sku, quantity]) => ({ sku, quantity })),
    buyer: { firstName: 'Ada', lastName: 'Byron', email: `ada-${newUuid()}@example.com` },
    destinations: [{ id: 'home', streetAddress: '1 High St', locality: 'London', postalCode: 'N1 1AA', country: 'GB' }],
    selectedDestinationId: 'home',
    selectedShippingId: 'standard',
    ...more,
  };
}

export async function openCheckout(desk: CheckoutDesk, draft: Draft): Promise<CheckoutView> {
  return accepted(await desk.create(caller, draft, null));
}

export function completeRequest(
  key: string,
  more: Partial<CompleteRequest> & { tokenText?: string } = {},
): CompleteRequest {
  const { tokenText = 'tok_ok', ...rest } = more;
  return {
    key: { key, requestSha256: createHash('sha256').update(`${key} ${tokenText}`).digest() },
    token: new Secret(tokenText),
    provider: 'simulated',
    billingCountry: null,
    seenVersion: null,
    waitMs: 0,
    traceparent: null,
    ...rest,
  };
}

/** The view of an answer that must not be a protocol refusal. */
export function accepted(answer: Refused | CheckoutView): CheckoutView {
  if (isRefused(answer)) throw new Error(`refused: ${answer.code} ${answer.message}`);
  return answer;
}

export type RunningShop = { readonly worker: Worker; stop(): Promise<void> };

/** Timings at which nothing is waited for long. */
export const quickTimings: PaymentTimings = { checkAfterMs: 2_000, absentAfterMs: 300, lookAgainAfterMs: 1_000 };

/** The queues as they are, with short backoff, so that retries do not make a test slow. */
export function quickQueues(attemptsMax?: number): Record<QueueName, QueueSettings> {
  return Object.fromEntries(
    queueNames.map((name) => [
      name,
      { ...queues[name], backoffBaseMs: 20, backoffCapMs: 100, ...(attemptsMax === undefined ? {} : { attemptsMax }) },
    ]),
  ) as Record<QueueName, QueueSettings>;
}

/** A worker and a sweeper on the database, with the given provider. */
export async function startShop(
  database: Database,
  options: {
    provider: PaymentProvider;
    screen?: FraudScreen;
    timings?: PaymentTimings;
    settings?: Record<QueueName, QueueSettings>;
    sweep?: boolean;
  },
): Promise<RunningShop> {
  const waker = createWaker(database, () => {});
  const built = { database, waker, log: silentLogger };
  const handlers = buildHandlers(built, {
    providers: [options.provider],
    timings: options.timings ?? quickTimings,
    actor: 'worker under test',
    ...(options.screen === undefined ? {} : { screen: options.screen }),
  });
  const worker = buildWorker(built, {
    handlers,
    queues: queueNames,
    name: 'worker under test',
    pollMs: 50,
    settings: options.settings ?? quickQueues(),
  });
  waker.local((names) => worker.wake(names));
  const sweeper =
    options.sweep === false
      ? null
      : startSweeper({ ...runnerOptions(built, 'sweeper'), log: silentLogger }, sweeperTasks);
  return {
    worker,
    async stop() {
      await Promise.all([worker.stop(), sweeper?.stop()]);
    },
  };
}

/** Asks again until the answer is not null, or fails with the words. */
export async function eventually<T>(what: string, ask: () => Promise<T | null | false>, withinMs = 10_000): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** The status of an order once it is final. */
export async function endOf(database: Database, orderId: string, withinMs?: number): Promise<string> {
  return await eventually(
    `order ${orderId} ends`,
    async () => {
      const rows = await database.query<{ status: string }>({
        text: `select status from orders where order_id = $1 and status in ('confirmed', 'cancelled')`,
        values: [orderId],
      });
      return rows[0]?.status ?? null;
    },
    withinMs,
  );
}
