import type { Waker } from '../messaging/waker.ts';
import { shippingOptions } from '../pricing/shipping-rates.ts';
import { present } from '../shared/assert.ts';
import { isRefused, type Refused, Retry } from '../shared/failure.ts';
import type { NewId } from '../shared/ids.ts';
import { type Database, sqlState, type Transaction } from '../shared/postgres/client.ts';
import { type CheckoutRow, readCheckouts } from './checkout.sql.ts';
import { lockStock, readCompleteKeys, writeCommit } from './commit.sql.ts';
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
import { addKey, addOrder, addQuote, aggregate, emptyRows, firstQueue, inLockOrder, type Rows } from './commit-rows.ts';
import { draftOf, fitsAnOrder, type Offer, type QuoteContent, quoteDraft } from './quote.ts';

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
 * list must not share a checkout or a key. Fails as a whole, and has done nothing then. Calls back when it has locked
 * the stock that it wants: whoever asks for some of it from then on comes after.
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
    addOrder(rows, request, decision.checkout, { orderId, newId: options.newId });
    addKey(rows, request, { outcome: 'committed', orderId, version }, orderId);
    return { outcome: 'committed', orderId, version, shown: { quote, expiresAt } };
  }
  const { refusal, newContent } = decision;
  const newQuote = newContent === null ? quote : { ...quote, version: version + 1, content: newContent };
  if (newContent !== null) addQuote(rows, request, newQuote, checkout?.order?.orderId ?? null);
  const outcome = { outcome: 'refused', refusal, version: newQuote.version } as const;
  addKey(rows, request, outcome, null);
  return { ...outcome, shown: { quote: newQuote, expiresAt } };
}

/** The quote at the prices of now. */
function requote(content: QuoteContent, offers: ReadonlyMap<string, Offer>, shipsFrom: string): QuoteContent {
  const currency = offers.values().next().value?.currency;
  const draft = draftOf(content);
  // Prices that no order can carry any more leave the quote as it is; the refusal names them.
  if (currency === undefined || !fitsAnOrder(draft, offers)) return content;
  return quoteDraft(draft, offers, currency, shippingOptions(shipsFrom)).content;
}
