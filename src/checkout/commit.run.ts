import { createHash } from 'node:crypto';
import { domainEvents } from '../messaging/events.ts';
import { messageTypes } from '../messaging/queues.ts';
import type { Waker } from '../messaging/waker.ts';
import { shippingOptions } from '../pricing/shipping-rates.ts';
import { firstMessage } from '../sagas/decide.ts';
import { onlineOrder } from '../sagas/online-order.ts';
import { present } from '../shared/assert.ts';
import { isRefused, type Refused, Retry } from '../shared/failure.ts';
import type { NewId } from '../shared/ids.ts';
import { toWire } from '../shared/money.ts';
import { type Database, sqlState, type Transaction } from '../shared/postgres/client.ts';
import { type CheckoutRow, readCheckouts } from './checkout.sql.ts';
import { type CommitRows, lockStock, readCompleteKeys, writeCommit } from './commit.sql.ts';
import {
  type CommitDecision,
  type CommitOutcome,
  type CommitRequest,
  decideCommit,
  type FirstLook,
  isOwn,
  type OpenCheckout,
  type StoredOutcome,
  whyNotOpen,
} from './commit.ts';
import {
  draftOf,
  fitsAnOrder,
  type Offer,
  type Quote,
  type QuoteContent,
  quoteDraft,
  selectedDestination,
} from './quote.ts';
import { quoteToJson } from './quote-json.ts';

export type CommitOptions = {
  readonly database: Database;
  readonly newId: NewId;
  readonly waker: Waker;
  /** Told of every decision: `committed`, or the code of the refusal. For metrics. */
  readonly onCommitted?: (outcome: string) => void;
};

/**
 * Concurrent commits of one key or checkout collide on a unique key; the one that lost reads the winner's answer. Of
 * many at once one is the cause, and to find it in halves is better than to try them all for long.
 */
const collisionTriesMax = { alone: 6, together: 2 } as const;
const uniqueViolation = '23505';

/**
 * Commits checkouts in one transaction, each with its own outcome, decided in order of arrival. Two requests of one
 * list must not share a checkout or a key. Fails as a whole, and has done nothing then. Calls back when it has locked the
 * stock that it wants: whoever asks for some of it from then on comes after.
 */
export async function commit(
  options: CommitOptions,
  requests: readonly CommitRequest[],
  onLocked: () => void = () => {},
): Promise<readonly (Refused | CommitOutcome)[]> {
  const asked = requests.map((request) => ({ firstLook: { version: null }, ...request }));
  const triesMax = asked.length === 1 ? collisionTriesMax.alone : collisionTriesMax.together;
  for (let tryNumber = 1; ; tryNumber += 1) {
    try {
      const outcomes = await options.database.transaction((tx) => commitOnce(options, tx, asked, onLocked));
      if (outcomes.some((each) => 'outcome' in each && each.outcome === 'committed')) options.waker.wake([firstQueue]);
      for (const each of outcomes) options.onCommitted?.(nameOf(each));
      return outcomes;
    } catch (error) {
      const collided = error instanceof Retry || sqlState(error) === uniqueViolation;
      if (!collided) throw error;
      if (tryNumber >= triesMax) throw new Retry('the checkout is being changed by others', { cause: error });
    }
  }
}

function nameOf(outcome: Refused | StoredOutcome): string {
  if (isRefused(outcome)) return outcome.code;
  return outcome.outcome === 'committed' ? 'committed' : outcome.refusal.code;
}

const first = firstMessage(onlineOrder);
const firstQueue = messageTypes[first].queue;

type Asked = CommitRequest & { readonly firstLook: FirstLook };

async function commitOnce(
  options: CommitOptions,
  tx: Transaction,
  asked: readonly Asked[],
  onLocked: () => void,
): Promise<(Refused | CommitOutcome)[]> {
  // The keys are read after the checkouts: a checkout seen as completing has its key committed and so seen.
  const checkouts = await readCheckouts(
    tx,
    asked.map((request) => request.checkoutId),
  );
  const byId = new Map(checkouts.map((checkout) => [checkout.checkoutId, checkout]));
  // A request that collided was meant for the version of its first look: a newer one may cost more (promise 8).
  const requests = asked.map((request) => {
    request.firstLook.version ??= byId.get(request.checkoutId)?.quote.version ?? null;
    return { ...request, firstVersion: request.firstLook.version };
  });
  const known = await readCompleteKeys(tx, requests);
  const marketOf = markets(await lockStock(tx, wantedSkus(checkouts, requests, known)));
  onLocked();
  const rows = emptyRows();
  const outcomes = requests.map((request, index) => {
    const { list, free } = marketOf(request.merchantId);
    const checkout = byId.get(request.checkoutId) ?? null;
    const decision = decideCommit(request, checkout, known.get(index) ?? null, list, free, (content) =>
      requote(content, list, request.shipsFrom),
    );
    return record(options, rows, request, checkout, decision);
  });
  if (rows.keys.length === 0) return outcomes;
  const taken = await writeCommit(tx, { ...inLockOrder(rows), holds: aggregate(rows.reservations) });
  if (taken !== rows.orders.length + rows.quotes.length) throw new Retry('a checkout changed while it was committed');
  return outcomes;
}

/** The SKUs of what may be committed now; a replay locks nothing, nor does a request for what is somebody else's. */
function wantedSkus(
  checkouts: readonly OpenCheckout[],
  requests: readonly CommitRequest[],
  known: ReadonlyMap<number, unknown>,
) {
  const asked = new Map(
    requests.flatMap((request, index) => (known.has(index) ? [] : [[request.checkoutId, request] as const])),
  );
  const wanted = new Map<string, { merchantId: string; sku: string }>();
  for (const checkout of checkouts) {
    const request = asked.get(checkout.checkoutId);
    if (request === undefined || !isOwn(checkout, request) || whyNotOpen(checkout) !== null) continue;
    const { merchantId } = checkout;
    for (const { sku } of checkout.quote.content.lines) wanted.set(`${merchantId} ${sku}`, { merchantId, sku });
  }
  return [...wanted.values()];
}

type Market = { readonly list: Map<string, Offer>; readonly free: Map<string, bigint> };

/** What each merchant sells at which price, and what is left of it while the requests are decided one by one. */
function markets(offers: readonly (Offer & { merchantId: string })[]): (merchantId: string) => Market {
  const byMerchant = new Map<string, Market>();
  function of(merchantId: string): Market {
    const market = byMerchant.get(merchantId) ?? { list: new Map(), free: new Map() };
    byMerchant.set(merchantId, market);
    return market;
  }
  for (const offer of offers) {
    const { list, free } = of(offer.merchantId);
    list.set(offer.sku, offer);
    free.set(offer.sku, offer.freeUnits);
  }
  return of;
}

type Rows = { -readonly [Name in Exclude<keyof CommitRows, 'holds'>]: Record<string, unknown>[] };

function emptyRows(): Rows {
  return { orders: [], lines: [], reservations: [], keys: [], quotes: [] };
}

/**
 * The rows that others may wait for, in the one order that every process takes: the database breaks a circle of
 * waiting batches, but only after a second.
 */
function inLockOrder(rows: Rows): Rows {
  return {
    ...rows,
    orders: sortedBy(rows.orders, ['checkout_id']),
    quotes: sortedBy(rows.quotes, ['checkout_id']),
    keys: sortedBy(rows.keys, ['merchant_id', 'caller_id', 'idempotency_key']),
  };
}

function sortedBy(rows: readonly Record<string, unknown>[], columns: readonly string[]): Record<string, unknown>[] {
  const textOf = (row: Record<string, unknown>) => columns.map((column) => String(row[column])).join('\n');
  const keyed = rows.map((row) => ({ row, text: textOf(row) }));
  return keyed.sort((left, right) => (left.text < right.text ? -1 : 1)).map(({ row }) => row);
}

function record(
  options: CommitOptions,
  rows: Rows,
  request: CommitRequest,
  checkout: CheckoutRow | null,
  decision: CommitDecision,
): Refused | CommitOutcome {
  if (decision.decision === 'reject') return decision.refusal;
  const { quote, expiresAt } = present(checkout, 'the checkout of a decision');
  if (decision.decision === 'replay') {
    const { outcome } = decision;
    return { ...outcome, shown: outcome.version === quote.version ? { quote, expiresAt } : null };
  }
  const { version } = quote;
  if (decision.decision === 'commit') {
    const orderId = options.newId();
    addOrder(options, rows, request, decision.checkout, orderId);
    keep(rows, request, { outcome: 'committed', orderId, version }, orderId);
    return { outcome: 'committed', orderId, version, shown: { quote, expiresAt } };
  }
  const { refusal, newContent } = decision;
  const newQuote = newContent === null ? quote : { ...quote, version: version + 1, content: newContent };
  if (newContent !== null) addQuote(rows, request, newQuote, checkout?.order?.orderId ?? null);
  const outcome = { outcome: 'refused', refusal, version: newQuote.version } as const;
  keep(rows, request, outcome, null);
  return { ...outcome, shown: { quote: newQuote, expiresAt } };
}

function keep(rows: Rows, request: CommitRequest, outcome: StoredOutcome, orderId: string | null): void {
  rows.keys.push({
    merchant_id: request.merchantId,
    caller_id: request.callerId,
    idempotency_key: request.idempotencyKey,
    request_sha256: Buffer.from(request.requestSha256).toString('hex'),
    checkout_id: request.checkoutId,
    outcome,
    order_id: orderId,
  });
}

function addQuote(rows: Rows, request: CommitRequest, quote: Quote, seenOrderId: string | null): void {
  rows.quotes.push({
    checkout_id: request.checkoutId,
    version: quote.version,
    merchant_id: request.merchantId,
    currency: quote.currency,
    total_minor: quote.content.totalMinor.toString(),
    content: JSON.parse(quoteToJson(quote.content)),
    seen_order_id: seenOrderId,
  });
}

function addOrder(
  options: CommitOptions,
  rows: Rows,
  request: CommitRequest,
  checkout: OpenCheckout,
  orderId: string,
): void {
  const { quote } = checkout;
  const { content } = quote;
  const total = { amount_minor: toWire(content.totalMinor), currency: quote.currency };
  rows.orders.push({
    order_id: orderId,
    merchant_id: request.merchantId,
    caller_id: request.callerId,
    checkout_id: request.checkoutId,
    quote_version: quote.version,
    currency: quote.currency,
    total_minor: content.totalMinor.toString(),
    buyer_sha256: buyerHash(request.merchantId, content.buyer?.email),
    ship_to_country: present(selectedDestination(content), 'the destination of a complete checkout').country,
    billing_country: request.billingCountry,
    deadline_in_ms: onlineOrder.withinMs,
    payment_id: options.newId(),
    provider: request.provider,
    token: request.token.reveal(),
    saga: onlineOrder.name,
    saga_version: onlineOrder.version,
    message_id: options.newId(),
    queue: firstQueue,
    message_type: first,
    message_version: messageTypes[first].newest,
    event_id: options.newId(),
    event_version: domainEvents.OrderPending.version,
    event_data: { checkout_id: `chk_${request.checkoutId}`, total, line_count: content.lines.length },
    entry_id: options.newId(),
    traceparent: request.traceparent,
  });
  content.lines.forEach((line, index) => {
    rows.lines.push({
      order_id: orderId,
      line_number: index + 1,
      sku: line.sku,
      title: line.title,
      quantity: line.quantity,
      unit_price_minor: line.unitPriceMinor.toString(),
      total_minor: line.totalMinor.toString(),
    });
    rows.reservations.push({ order_id: orderId, sku: line.sku, merchant_id: request.merchantId, units: line.quantity });
  });
}

/** Recognises a buyer again without keeping who it is beside the order. */
function buyerHash(merchantId: string, email: string | undefined): string | null {
  if (email === undefined) return null;
  return createHash('sha256').update(`${merchantId}\n${email.trim().toLowerCase()}`).digest('hex');
}

/** The quote at the prices of now. */
function requote(content: QuoteContent, offers: ReadonlyMap<string, Offer>, shipsFrom: string): QuoteContent {
  const currency = offers.values().next().value?.currency;
  const draft = draftOf(content);
  // Prices that no order can carry any more leave the quote as it is; the refusal names them.
  if (currency === undefined || !fitsAnOrder(draft, offers)) return content;
  return quoteDraft(draft, offers, currency, shippingOptions(shipsFrom)).content;
}

/** One stock row is changed once per statement, whatever the number of orders that hold it. */
function aggregate(reservations: readonly Record<string, unknown>[]): CommitRows['holds'] {
  const holds = new Map<string, CommitRows['holds'][number]>();
  for (const { merchant_id, sku, units } of reservations) {
    const key = `${merchant_id} ${sku}`;
    const before = holds.get(key)?.units ?? 0n;
    holds.set(key, { merchantId: String(merchant_id), sku: String(sku), units: before + BigInt(Number(units)) });
  }
  return [...holds.values()];
}
