import { sleep, stopwatch } from '../shared/clock.ts';
import type { NewId } from '../shared/ids.ts';
import type { Reply, ShopClient, ShopRequest } from './replay.client.ts';
import type { PlannedOrder } from './replay-plan.ts';
import {
  type Body,
  checkoutIdOf,
  codeOf,
  completeBody,
  createBody,
  endingOf,
  handlerIdOf,
  standingOf,
  updateBody,
} from './replay-requests.ts';
import {
  countOutcome,
  type Ending,
  interrupted,
  newTally,
  type Outcome,
  type ReplaySummary,
  type ReplayTally,
  summarise,
} from './replay-summary.ts';

export type ReplayOptions = {
  readonly shop: ShopClient;
  readonly orders: readonly PlannedOrder[];
  /** Orders begun per second; 0 is as fast as it goes. */
  readonly ratePerSecond: number;
  readonly concurrency: number;
  /** How long to wait in all for committed orders to end. */
  readonly waitMs: number;
  readonly tokens: { readonly accepted: string; readonly declined: readonly string[] };
  readonly newId: NewId;
  /** Ends the replay: what is under way is answered, nothing more is begun. */
  readonly signal: AbortSignal;
  readonly onProgress?: ((tally: ReplayTally, planned: number, elapsedMs: number) => void) | undefined;
  /** Told how many committed orders have not ended yet, once all is bought. */
  readonly onWaiting?: ((open: number) => void) | undefined;
};

/** So many orders in a row without an answer: the shop is away, and the rest of the plan would only wait for it. */
const unknownInARowMax = 20;
const pollIntervalMs = 500;

/**
 * Buys the planned orders through the public API, and tells how each of them went and ended. A shop that misbehaves
 * is counted and never thrown.
 */
export async function runReplay(options: ReplayOptions): Promise<ReplaySummary> {
  const elapsedMs = stopwatch();
  const state: State = { tally: newTally(), committed: [], settled: [], next: 0, unknownInARow: 0, stopped: null };
  const buyers = Array.from({ length: options.concurrency }, () => buyUntilDone(options, state, elapsedMs));
  await Promise.all(buyers);
  const durationMs = elapsedMs();
  const endings = [...state.settled, ...(await waitForEndings(options, state.committed))];
  const stoppedBecause = state.stopped ?? (options.signal.aborted ? interrupted : null);
  return summarise(state.tally, { planned: options.orders.length, durationMs, stoppedBecause, endings });
}

type State = {
  readonly tally: ReplayTally;
  /** Checkouts whose order has not ended yet. */
  readonly committed: string[];
  readonly settled: Ending[];
  next: number;
  unknownInARow: number;
  stopped: string | null;
};

async function buyUntilDone(options: ReplayOptions, state: State, elapsedMs: () => number): Promise<void> {
  while (state.stopped === null && !options.signal.aborted) {
    const index = state.next;
    const order = options.orders[index];
    if (order === undefined) return;
    state.next += 1;
    if (options.ratePerSecond > 0) {
      const dueMs = (index * 1_000) / options.ratePerSecond;
      await sleep(Math.max(0, dueMs - elapsedMs()), options.signal);
      if (options.signal.aborted) return;
    }
    const outcome = await buy(options, state, order);
    note(state, outcome);
    options.onProgress?.(state.tally, options.orders.length, elapsedMs());
  }
}

function note(state: State, outcome: Outcome): void {
  countOutcome(state.tally, outcome);
  if (outcome.outcome === 'committed') {
    if (outcome.isSettled) state.settled.push({ ending: 'confirmed' });
    else state.committed.push(outcome.checkoutId);
  }
  if (
    outcome.outcome === 'refused' &&
    ['api_key_missing', 'api_key_unknown', 'route_not_found'].includes(outcome.code)
  ) {
    state.stopped = `the shop says ${outcome.code}`;
  }
  state.unknownInARow = outcome.outcome === 'unknown' ? state.unknownInARow + 1 : 0;
  if (state.unknownInARow >= unknownInARowMax) state.stopped = 'the shop does not answer';
}

async function buy(options: ReplayOptions, state: State, order: PlannedOrder): Promise<Outcome> {
  const created = await send(options, state, { method: 'POST', path: '/checkout-sessions', body: createBody(order) });
  if (created.kind === 'unknown') return { outcome: 'unknown', during: 'create', reason: created.reason };
  const checkoutId = checkoutIdOf(created.body);
  if (checkoutId === null) return refusedBy(created);
  state.tally.checkoutsCreated += 1;
  const path = `/checkout-sessions/${encodeURIComponent(checkoutId)}`;
  if (order.ends === 'cancel') {
    const cancelled = await send(options, state, { method: 'POST', path: `${path}/cancel`, body: {} });
    if (cancelled.kind === 'unknown') return { outcome: 'unknown', during: 'cancel', reason: cancelled.reason };
    return standingOf(cancelled.body) === 'cancelled' ? { outcome: 'cancelled' } : refusedBy(cancelled);
  }
  const ready = await makeReady(options, state, order, path, created);
  if (ready.kind === 'unknown') return { outcome: 'unknown', during: 'update', reason: ready.reason };
  if (standingOf(ready.body) !== 'ready') return refusedBy(ready);
  return complete(options, state, order, checkoutId, ready.body);
}

type Answer = Extract<Reply, { kind: 'answer' }>;

/** Chooses an option of shipping, where the usual one is not offered. */
async function makeReady(
  options: ReplayOptions,
  state: State,
  order: PlannedOrder,
  path: string,
  created: Answer,
): Promise<Reply> {
  if (standingOf(created.body) === 'ready') return created;
  const body = updateBody(order, created.body);
  return body === null ? created : send(options, state, { method: 'PUT', path, body });
}

async function complete(
  options: ReplayOptions,
  state: State,
  order: PlannedOrder,
  checkoutId: string,
  checkout: Body,
): Promise<Outcome> {
  const { accepted, declined } = options.tokens;
  const token = order.isDeclined ? (declined[Math.floor(order.share * declined.length)] ?? accepted) : accepted;
  const body = completeBody(order, { handlerId: handlerIdOf(checkout) ?? 'simulated', token });
  const path = `/checkout-sessions/${encodeURIComponent(checkoutId)}/complete`;
  const reply = await send(options, state, { method: 'POST', path, body });
  if (reply.kind === 'unknown') return { outcome: 'unknown', during: 'complete', reason: reply.reason };
  state.tally.completeMs.push(reply.durationMs);
  const standing = standingOf(reply.body);
  if (reply.status >= 400 || (standing !== 'committed' && standing !== 'confirmed')) return refusedBy(reply);
  return { outcome: 'committed', checkoutId, isSettled: standing === 'confirmed' };
}

function refusedBy(answer: Answer): Outcome {
  return { outcome: 'refused', code: codeOf(answer.body) ?? `http_${answer.status}` };
}

async function send(options: ReplayOptions, state: State, request: ShopRequest): Promise<Reply> {
  const reply = await options.shop.send({ ...request, idempotencyKey: options.newId() });
  state.tally.retries += reply.tries - 1;
  return reply;
}

/** Asks for the committed orders until all have ended, the time is up, or somebody stops it. */
async function waitForEndings(options: ReplayOptions, committed: readonly string[]): Promise<Ending[]> {
  const elapsedMs = stopwatch();
  const endings: Ending[] = [];
  let open = [...committed];
  while (open.length > 0 && !options.signal.aborted) {
    options.onWaiting?.(open.length);
    const asked = await askAll(options, open, () => elapsedMs() > options.waitMs);
    endings.push(...asked.endings);
    open = asked.open;
    if (open.length === 0 || elapsedMs() > options.waitMs) break;
    await sleep(pollIntervalMs, options.signal);
  }
  return [...endings, ...open.map((): Ending => ({ ending: 'open' }))];
}

async function askAll(
  options: ReplayOptions,
  checkoutIds: readonly string[],
  isLate: () => boolean,
): Promise<{ endings: Ending[]; open: string[] }> {
  const endings: Ending[] = [];
  const open: string[] = [];
  const queue = [...checkoutIds].reverse();
  async function ask(): Promise<void> {
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
      // Late or stopped: the rest counts as open, for nobody has looked.
      const reply =
        isLate() || options.signal.aborted
          ? null
          : await options.shop.send({ method: 'GET', path: `/checkout-sessions/${encodeURIComponent(id)}` });
      const ending = reply?.kind === 'answer' && reply.status === 200 ? endingOf(reply.body) : null;
      if (ending === null || ending.ending === 'open') open.push(id);
      else endings.push(ending);
    }
  }
  await Promise.all(Array.from({ length: options.concurrency }, ask));
  return { endings, open };
}
