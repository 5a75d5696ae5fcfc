import { readOrder } from '../orders/orders.sql.ts';
import type { OutcomeWatch } from '../orders/outcome-watch.run.ts';
import { shippingOptions } from '../pricing/shipping-rates.ts';
import { present } from '../shared/assert.ts';
import { isRefused, type Refused, Retry, refuse } from '../shared/failure.ts';
import { limits } from '../shared/limits.ts';
import { sqlState, type Transaction } from '../shared/postgres/client.ts';
import { refusals } from '../shared/refusals.ts';
import {
  type CheckoutRow,
  cancelCheckout,
  insertCheckout,
  insertKey,
  insertQuote,
  type KeyedOperation,
  lockCheckout,
  readCheckouts,
  readKey,
  readQuote,
} from './checkout.sql.ts';
import { type CommitOutcome, whyNotOpen } from './commit.ts';
import { type Committer, type CommitterOptions, createCommitter } from './committer.run.ts';
import type { Caller, CheckoutDesk, CheckoutView, CompleteRequest, Notice, RequestKey } from './desk.ts';
import { nothingBuyable, priceDraft } from './price.run.ts';
import { type Draft, draftOf } from './quote.ts';
import { committedView, refusedView, viewOf, writtenView } from './view.ts';

export type DeskOptions = CommitterOptions & { readonly watch: OutcomeWatch };

/** The checkout desk on PostgreSQL. */
export function createDesk(options: DeskOptions): CheckoutDesk {
  const committer = createCommitter(options);
  return {
    create: (caller, draft, key) => create(options, caller, draft, key),
    read: (caller, checkoutId) => read(options, caller, checkoutId),
    update: (caller, checkoutId, draft, key) => update(options, caller, checkoutId, draft, key),
    complete: (caller, checkoutId, request) => complete({ ...options, committer }, caller, checkoutId, request),
    cancel: (caller, checkoutId, key) => cancel(options, caller, checkoutId, key),
    async readOrder(caller, orderId) {
      const order = await readOrder(options.database, { ...caller, orderId });
      if (order === null) return refuse('not_found', 'There is no such order under this key.');
      const shipping = shippingOptions(caller.country)(order.destination.country, order.subtotalMinor);
      const title = shipping.find((option) => option.id === order.selectedShippingId)?.title;
      return { ...order, shippingTitle: title ?? order.selectedShippingId ?? '' };
    },
  };
}

async function create(
  options: DeskOptions,
  caller: Caller,
  draft: Draft,
  key: RequestKey | null,
): Promise<Refused | CheckoutView> {
  const known = await knownAnswer(options, caller, 'create', key);
  if (known !== null) return isRefused(known) ? known : await written(options, caller, known);
  const priced = await priceDraft(options.database, caller, draft);
  if (isRefused(priced)) return priced;
  const { quoted, notices } = priced;
  if (quoted.content.lines.length === 0) return nothingBuyable(quoted);
  const checkoutId = options.newId();
  const collided = await keyed(options, caller, 'create', { key, checkoutId, notices }, async (tx) => {
    await insertCheckout(tx, {
      checkoutId,
      merchantId: caller.merchantId,
      callerId: caller.callerId,
      currency: caller.currency,
      content: quoted.content,
      lifeMs: limits.checkoutLifeMs,
    });
    return 1;
  });
  if (collided === 'collided') return await create(options, caller, draft, key);
  return await written(options, caller, { checkoutId, version: 1, notices });
}

async function read(options: DeskOptions, caller: Caller, checkoutId: string): Promise<Refused | CheckoutView> {
  const checkout = await ownCheckout(options, caller, checkoutId);
  if (checkout === null) return noCheckout;
  const isOpen = whyNotOpen(checkout) === null;
  const priced = isOpen ? await priceDraft(options.database, caller, draftOf(checkout.quote.content)) : null;
  const notices: readonly Notice[] =
    priced === null ? [] : isRefused(priced) ? [{ refusal: priced, weight: 'blocks' }] : priced.notices;
  return viewOf(checkout, notices, shippingOptions(caller.country));
}

async function update(
  options: DeskOptions,
  caller: Caller,
  checkoutId: string,
  draft: Draft,
  key: RequestKey | null,
): Promise<Refused | CheckoutView> {
  const known = await knownAnswer(options, caller, 'update', key);
  if (known !== null) return isRefused(known) ? known : await written(options, caller, known);
  const priced = await priceDraft(options.database, caller, draft);
  if (isRefused(priced)) return priced;
  const { quoted, notices } = priced;
  if (quoted.content.lines.length === 0) return nothingBuyable(quoted);
  const before = await ownCheckout(options, caller, checkoutId);
  if (before === null) return noCheckout;
  const result = await keyed(options, caller, 'update', { key, checkoutId, notices }, async (tx) => {
    await lockCheckout(tx, checkoutId);
    const [checkout] = await readCheckouts(tx, [checkoutId]);
    const current = present(checkout, 'a checkout that was there before it was locked');
    const refusal =
      whyNotOpen(current) ??
      (current.isExpired ? refuse('checkout_not_open', 'The checkout has expired. Create a new one.') : null);
    if (refusal !== null) return refusal;
    const version = current.quote.version + 1;
    await insertQuote(tx, {
      checkoutId,
      merchantId: caller.merchantId,
      version,
      currency: caller.currency,
      content: quoted.content,
    });
    return version;
  });
  if (result === 'collided') return await update(options, caller, checkoutId, draft, key);
  return isRefused(result) ? result : await written(options, caller, { checkoutId, version: result, notices });
}

async function cancel(
  options: DeskOptions,
  caller: Caller,
  checkoutId: string,
  key: RequestKey | null,
): Promise<Refused | CheckoutView> {
  const known = await knownAnswer(options, caller, 'cancel', key);
  if (isRefused(known)) return known;
  if ((await ownCheckout(options, caller, checkoutId)) === null) return noCheckout;
  if (known !== null) return await shown(options, caller, known.checkoutId);
  const result = await keyed(options, caller, 'cancel', { key, checkoutId, notices: [] }, async (tx) => {
    await lockCheckout(tx, checkoutId);
    const [checkout] = await readCheckouts(tx, [checkoutId]);
    const current = present(checkout, 'a checkout that was there before it was locked');
    if (current.status === 'cancelled') return current.quote.version;
    const refusal = whyNotOpen(current);
    if (refusal !== null) return refusal;
    await cancelCheckout(tx, checkoutId);
    return current.quote.version;
  });
  if (result === 'collided') return await cancel(options, caller, checkoutId, key);
  return isRefused(result) ? result : await shown(options, caller, checkoutId);
}

async function complete(
  options: DeskOptions & { readonly committer: Committer },
  caller: Caller,
  checkoutId: string,
  request: CompleteRequest,
): Promise<Refused | CheckoutView> {
  const outcome = await commitOne(options.committer, caller, checkoutId, request);
  if (isRefused(outcome)) return outcome;
  if (outcome.outcome === 'refused' && refusals[outcome.refusal.code].status !== 200) return outcome.refusal;
  const ships = shippingOptions(caller.country);
  const facts = { checkoutId, ...(outcome.shown ?? (await readShown(options, checkoutId, outcome.version))) };
  if (outcome.outcome === 'refused') return refusedView(facts, outcome.refusal, ships);
  const { waitMs, aside = atOnce } = request;
  const settled = waitMs === 0 ? null : await aside(() => options.watch.wait(outcome.orderId, waitMs));
  if (settled === null) return committedView(facts, outcome.orderId, ships);
  const order = {
    orderId: settled.orderId,
    status: settled.status,
    cancelCode: settled.cancelCode as Refused['code'] | null,
  };
  return viewOf({ ...facts, ...caller, status: 'completing', isExpired: false, order }, [], ships);
}

function atOnce<T>(wait: () => Promise<T>): Promise<T> {
  return wait();
}

/** What a key was answered with, of a checkout that has changed since. */
async function readShown({ database }: DeskOptions, checkoutId: string, version: number) {
  const [checkout] = await readCheckouts(database, [checkoutId]);
  const { expiresAt } = present(checkout, 'the checkout of an outcome');
  return { expiresAt, quote: present(await readQuote(database, checkoutId, version), 'the quote of an outcome') };
}

async function commitOne(
  committer: Committer,
  caller: Caller,
  checkoutId: string,
  request: CompleteRequest,
): Promise<Refused | CommitOutcome> {
  try {
    return await committer.commit({
      merchantId: caller.merchantId,
      callerId: caller.callerId,
      checkoutId,
      idempotencyKey: request.key.key,
      requestSha256: request.key.requestSha256,
      provider: request.provider,
      token: request.token,
      billingCountry: request.billingCountry,
      shipsFrom: caller.country,
      seenVersion: request.seenVersion,
      traceparent: request.traceparent,
    });
  } catch (thrown) {
    if (!(thrown instanceof Retry)) throw thrown;
    return refuse('overloaded', 'Many requests change this checkout at once. Retry with the same key.', {
      retryAfterMs: 1_000,
    });
  }
}

const noCheckout = refuse('not_found', 'There is no such checkout under this key.');

async function ownCheckout(options: DeskOptions, caller: Caller, checkoutId: string): Promise<CheckoutRow | null> {
  const [checkout] = await readCheckouts(options.database, [checkoutId]);
  const isOwn = checkout?.merchantId === caller.merchantId && checkout.callerId === caller.callerId;
  return isOwn ? checkout : null;
}

async function shown(options: DeskOptions, caller: Caller, checkoutId: string): Promise<CheckoutView> {
  const checkout = present(await ownCheckout(options, caller, checkoutId), 'a checkout that was just written');
  return viewOf(checkout, [], shippingOptions(caller.country));
}

/** The answer to a create or update: the version that was written then, whatever came after it. */
async function written(
  options: DeskOptions,
  caller: Caller,
  { checkoutId, version, notices }: { checkoutId: string; version: number; notices: readonly Notice[] },
): Promise<CheckoutView> {
  const checkout = present(await ownCheckout(options, caller, checkoutId), 'the checkout of a key');
  const quote = present(await readQuote(options.database, checkoutId, version), 'the quote of a key');
  return writtenView({ checkoutId, quote, expiresAt: checkout.expiresAt }, notices, shippingOptions(caller.country));
}

async function knownAnswer(options: DeskOptions, caller: Caller, operation: KeyedOperation, key: RequestKey | null) {
  if (key === null) return null;
  const known = await readKey(options.database, { ...caller, operation, idempotencyKey: key.key });
  if (known === null) return null;
  if (Buffer.compare(known.requestSha256, key.requestSha256) === 0)
    return { checkoutId: known.checkoutId, version: known.version, notices: known.notices };
  return refuse('idempotency_key_reused', 'This Idempotency-Key was used for another request. Use a new key.');
}

/**
 * Does the work and keeps its answer under the key, in one transaction. `collided`: another request had the key
 * first.
 */
async function keyed(
  options: DeskOptions,
  caller: Caller,
  operation: KeyedOperation,
  { key, checkoutId, notices }: { key: RequestKey | null; checkoutId: string; notices: readonly Notice[] },
  work: (tx: Transaction) => Promise<Refused | number>,
): Promise<Refused | number | 'collided'> {
  try {
    return await options.database.transaction(async (tx) => {
      const result = await work(tx);
      if (key === null || isRefused(result)) return result;
      await insertKey(tx, {
        merchantId: caller.merchantId,
        callerId: caller.callerId,
        operation,
        idempotencyKey: key.key,
        requestSha256: key.requestSha256,
        checkoutId,
        version: result,
        notices,
      });
      return result;
    });
  } catch (error) {
    if (key !== null && sqlState(error) === '23505') return 'collided';
    throw error;
  }
}
