import type { ClientCall, Evidence, Tables } from './evidence.ts';
import type { Judge, Violation } from './judge.ts';
import { byOrder, groupedBy, type OrderRow } from './lookups.ts';

/**
 * One order per commit key and one answer per key: what clients were told is held against itself, against what stands
 * under the key in our tables, and against the orders. What was acknowledged is never lost.
 */
export const oneAnswerPerKey: Judge = {
  promise: 1,
  file: 'tests/judges/promise-1-one-answer-per-key.ts',
  compares: 'every answer under a key against the others, the row of the key, and the orders',
  judge(evidence) {
    const look = lookUp(evidence);
    return [
      ...evidence.history.flatMap((call) => standing(look, call)),
      ...keyedCalls(evidence).flatMap((calls) => [...oneAnswer(look, calls), ...answerIsKept(look, calls)]),
      ...ordersHaveKeys(evidence),
      ...checkoutsHaveOneOrder(evidence),
    ];
  },
};

type KeyRow = Tables['commit_keys'][number];

type Look = {
  readonly orders: ReadonlyMap<string, readonly OrderRow[]>;
  readonly checkouts: ReadonlyMap<string, Tables['checkouts'][number]>;
  readonly keys: ReadonlyMap<string, readonly KeyRow[]>;
  readonly held: ReadonlySet<string>;
};

function lookUp({ ours }: Evidence): Look {
  const held = ours.domain_events.filter(({ type }) => type === 'OrderHeld');
  return {
    orders: byOrder(ours.orders),
    checkouts: new Map(ours.checkouts.map((checkout) => [checkout.checkout_id, checkout])),
    keys: groupedBy(ours.commit_keys, ({ operation, idempotency_key }) => `${operation} ${idempotency_key}`),
    held: new Set(held.map(({ order_id }) => order_id)),
  };
}

/** Refusals of a complete that are decided under its key for ever. */
const decidedCodes: readonly string[] = [
  'out_of_stock',
  'price_changed',
  'item_unavailable',
  'checkout_expired',
  'checkout_not_open',
];
/** The order was committed and has ended so: the same decision, at a later point of its life. */
const endedCodes: readonly string[] = ['payment_failed', 'payment_timed_out', 'order_refused'];

type Decision =
  | { readonly decided: 'order'; readonly orderId: string | null; readonly endedBy: string | null }
  | { readonly decided: 'refusal'; readonly code: string };

/** What an answer says was decided under its key; null if it says nothing of the kind. */
function decisionOf({ operation, outcome, saysVersion }: ClientCall): Decision | null {
  if (outcome.kind === 'unknown') return null;
  if (outcome.kind === 'ok') return { decided: 'order', orderId: outcome.orderId, endedBy: null };
  const { code } = outcome;
  if (operation !== 'complete') return null;
  if (endedCodes.includes(code)) return { decided: 'order', orderId: null, endedBy: code };
  // Who says which version is meant may say another one under the same key; who does not is told for good.
  const isDecided = decidedCodes.includes(code) || (code === 'quote_changed' && saysVersion === false);
  return isDecided ? { decided: 'refusal', code } : null;
}

function keyedCalls({ history }: Evidence): ClientCall[][] {
  const keyed = history.filter(({ idempotencyKey }) => idempotencyKey !== null);
  return [...groupedBy(keyed, (call) => `${call.callerId ?? ''} ${call.operation} ${call.idempotencyKey}`).values()];
}

function about(call: ClientCall, says: string): Violation {
  return { promise: 1, subject: `${call.operation} under key ${call.idempotencyKey}, call ${call.number}`, says };
}

/** All that was answered under one key says the same. */
function oneAnswer(look: Look, calls: readonly ClientCall[]): Violation[] {
  const answered = calls.flatMap((call) => {
    const decision = decisionOf(call);
    return decision === null ? [] : [{ call, decision }];
  });
  const [first] = answered;
  if (first === undefined) return [];
  const say = (says: string): Violation[] => [about(first.call, says)];
  const requests = new Set(answered.map(({ call }) => call.requestSha256));
  const orderIds = new Set(answered.flatMap(({ decision }) => ('orderId' in decision ? (decision.orderId ?? []) : [])));
  const codes = new Set(answered.flatMap(({ decision }) => ('code' in decision ? decision.code : [])));
  const isBoth = codes.size > 0 && answered.some(({ decision }) => decision.decided === 'order');
  return [
    ...(requests.size > 1 ? say(`${requests.size} different requests were answered`) : []),
    ...(orderIds.size > 1 ? say(`${orderIds.size} orders were named: ${[...orderIds].join(', ')}`) : []),
    ...(codes.size > 1 ? say(`refused for different reasons: ${[...codes].join(', ')}`) : []),
    ...(isBoth ? say(`both committed and refused (${[...codes].join(', ')})`) : []),
    ...sameBytes(look, calls),
    ...answered.flatMap(({ call }) => laterSilence(call, calls)),
  ];
}

/** Answers at the same point of an order's life are the same to the byte. */
function sameBytes({ held }: Look, calls: readonly ClientCall[]): Violation[] {
  const told = calls.filter((call) => decisionOf(call) !== null);
  const groups = groupedBy(told, ({ outcome }) => ('code' in outcome ? outcome.code : pointOf(outcome)));
  return [...groups].flatMap(([point, group]) => {
    const hashes = new Set(group.map(({ outcome }) => ('answerSha256' in outcome ? outcome.answerSha256 : '')));
    const [first] = group;
    if (hashes.size <= 1 || first === undefined) return [];
    const orderId = 'orderId' in first.outcome ? first.outcome.orderId : null;
    // Whoever waits for an order that is held is told so, in another sentence under the same status.
    if (point === 'complete_in_progress' && orderId !== null && held.has(orderId)) return [];
    return [about(first, `${group.length} answers (${point}) have ${hashes.size} different contents`)];
  });
}

function pointOf(outcome: ClientCall['outcome']): string {
  return 'checkoutStatus' in outcome ? outcome.checkoutStatus : outcome.kind;
}

/** Of a request that did not get through as it was sent: they say nothing of its key. */
const garbledCodes: readonly string[] = [
  'body_malformed',
  'body_too_large',
  'headers_too_large',
  'media_type_unsupported',
  'api_key_missing',
  'api_key_unknown',
];

/** Once a key was answered, a call that begins later is given that answer or none, never another refusal. */
function laterSilence(answered: ClientCall, calls: readonly ClientCall[]): Violation[] {
  const { begunWhenEnded } = answered;
  if (begunWhenEnded === undefined) return [];
  return calls.flatMap((call): Violation[] => {
    const { outcome } = call;
    const isLater = call.number > begunWhenEnded && call.requestSha256 === answered.requestSha256;
    if (!isLater || outcome.kind !== 'refused' || decisionOf(call) !== null) return [];
    if (garbledCodes.includes(outcome.code)) return [];
    return [about(call, `refused with ${outcome.code}, after call ${answered.number} had been answered`)];
  });
}

/** What was answered under a key stands in our tables, as it was answered. */
function answerIsKept(look: Look, calls: readonly ClientCall[]): Violation[] {
  return calls.flatMap((call): Violation[] => {
    const rows = (look.keys.get(`${call.operation} ${call.idempotencyKey}`) ?? []).filter(
      ({ caller_id }) => call.callerId === undefined || caller_id === call.callerId,
    );
    const { outcome } = call;
    if (outcome.kind === 'refused' && outcome.code === 'idempotency_key_reused') {
      const isSame = rows.some(({ request_sha256 }) => hexOf(request_sha256) === call.requestSha256);
      return isSame ? [about(call, 'refused as another request, and it is the request that stands under the key')] : [];
    }
    const decision = decisionOf(call);
    if (decision === null) return [];
    if (rows.length === 0) return [about(call, 'answered, and nothing stands under the key: the answer is lost')];
    if (call.operation !== 'complete') return [];
    const faults = rows.map((row) => faultOfRow(look, decision, row));
    return faults.includes(null) ? [] : [about(call, faults[0] ?? '')];
  });
}

/** What stands under a key, read with nothing taken for granted. */
function storedOf(outcome: unknown): { readonly outcome: string; readonly code: string | null } {
  const stored = (outcome ?? {}) as { outcome?: unknown; refusal?: { code?: unknown } };
  const code = stored.refusal?.code;
  return { outcome: String(stored.outcome), code: typeof code === 'string' ? code : null };
}

/** What a row says that the answer does not; null if they agree. */
function faultOfRow({ orders }: Look, decision: Decision, row: KeyRow): string | null {
  const stored = storedOf(row.outcome);
  if (decision.decided === 'refusal') {
    if (row.order_id !== null) return `refused with ${decision.code}, and order ${row.order_id} stands under the key`;
    return stored.code === decision.code ? null : `refused with ${decision.code}, and ${stored.code} is kept`;
  }
  if (row.order_id === null) return `answered with an order, and ${stored.code ?? stored.outcome} stands under the key`;
  if (decision.orderId !== null && decision.orderId !== row.order_id) {
    return `answered with order ${decision.orderId}, and ${row.order_id} stands under the key`;
  }
  if (decision.endedBy === null) return null;
  const order = orders.get(row.order_id)?.[0];
  const isSo = order?.status === 'cancelled' && order.cancel_code === decision.endedBy;
  return isSo ? null : `told that the order ended with ${decision.endedBy}, and it is ${order?.status ?? 'not there'}`;
}

/** What a single answer says is there, whatever its key: nothing that was acknowledged is lost or taken back. */
function standing(look: Look, call: ClientCall): Violation[] {
  const { outcome, operation } = call;
  if (outcome.kind !== 'ok') return [];
  const checkoutId = outcome.shownCheckoutId ?? call.checkoutId;
  const checkout = look.checkouts.get(checkoutId ?? '');
  const orders = look.orders.get(outcome.orderId ?? '') ?? [];
  const [order] = orders;
  const found: (string | false)[] = [
    checkoutId !== null && checkout === undefined && `acknowledged checkout ${checkoutId} is not there`,
    operation === 'complete' && outcome.orderId === null && 'acknowledged without naming the order',
    outcome.orderId !== null &&
      orders.length !== 1 &&
      `acknowledged order ${outcome.orderId} is there ${orders.length} times`,
    order !== undefined && order.checkout_id !== checkoutId && `order ${order.order_id} is of another checkout`,
    outcome.checkoutStatus === 'completed' &&
      order?.status !== 'confirmed' &&
      `told that the order is confirmed, and it is ${order?.status ?? 'not there'}`,
    operation === 'cancel' &&
      checkout !== undefined &&
      checkout.status !== 'cancelled' &&
      `told that checkout ${checkoutId} is cancelled, and it is ${checkout.status}`,
  ];
  return found.flatMap((says) => (says === false ? [] : [about(call, says)]));
}

/** Each order was committed under one key, which a client used and of which it was not told that nothing was bought. */
function ordersHaveKeys({ ours, history }: Evidence): Violation[] {
  const keysOf = byOrder(ours.commit_keys);
  const completes = groupedBy(
    history.filter(({ operation }) => operation === 'complete'),
    ({ idempotencyKey }) => idempotencyKey ?? '',
  );
  const orderIds = new Set(ours.orders.map(({ order_id }) => order_id));
  const lost = [...keysOf.keys()].filter((orderId) => !orderIds.has(orderId));
  return [
    ...lost.map((orderId) => ({ promise: 1, subject: `order ${orderId}`, says: 'its key stands, the order does not' })),
    ...ours.orders.flatMap((order): Violation[] => {
      const say = (says: string): Violation[] => [{ promise: 1, subject: `order ${order.order_id}`, says }];
      const [key, ...more] = keysOf.get(order.order_id) ?? [];
      if (key === undefined) return say('stands under no key');
      if (more.length > 0) return say(`stands under ${more.length + 1} keys`);
      if (key.checkout_id !== order.checkout_id || key.caller_id !== order.caller_id || key.operation !== 'complete') {
        return say(`its key ${key.idempotency_key} is of another checkout, caller or operation`);
      }
      const calls = (completes.get(key.idempotency_key) ?? []).filter((call) => call.checkoutId === order.checkout_id);
      if (calls.length === 0) return say(`no client asked for it: key ${key.idempotency_key} is in no call`);
      const mayBe = calls.some((call) => call.outcome.kind === 'unknown' || decisionOf(call)?.decided === 'order');
      return mayBe ? [] : say(`every call under its key ${key.idempotency_key} was refused`);
    }),
  ];
}

function checkoutsHaveOneOrder({ ours }: Evidence): Violation[] {
  const live = groupedBy(
    ours.orders.filter(({ status }) => status !== 'cancelled'),
    ({ checkout_id }) => checkout_id,
  );
  const checkouts = new Map(ours.checkouts.map((checkout) => [checkout.checkout_id, checkout]));
  return [...live].flatMap(([checkoutId, orders]): Violation[] => {
    const say = (says: string): Violation[] => [{ promise: 1, subject: `checkout ${checkoutId}`, says }];
    if (orders.length > 1) return say(`has ${orders.length} orders that are alive`);
    const checkout = checkouts.get(checkoutId);
    if (checkout?.order_id === orders[0]?.order_id) return [];
    return say(`has the live order ${orders[0]?.order_id}, and names ${checkout?.order_id ?? 'none'}`);
  });
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
