import { never } from '../../src/shared/assert.ts';
import { controlSecret } from '../contracts/simulator.ts';
import { eventually } from '../harness/shop.ts';
import { randomFrom } from '../harness/world.ts';
import { collectEvidence, fetchAuthorisations } from '../judges/collect.ts';
import type { ClientCall } from '../judges/evidence.ts';
import type { Violation } from '../judges/judge.ts';
import { judgeAll } from '../judges/judges.ts';
import { createRecordingClient, type RecordingClient } from '../judges/recording-client.ts';
import { awaitRest } from '../judges/rest.ts';
import { type Dependency, faultMs, faultOf, limits } from './dependencies.ts';
import { askOf, type Journey, ways } from './journeys.ts';
import type { Lane } from './lane.ts';
import type { FaultKind } from './proxy.ts';

export type Cell = { readonly dependency: Dependency; readonly failure: FaultKind; readonly journey: Journey };

/** What a buyer meets before the answer: a 503, or no answer at all (a lost connection, or its own patience over). */
export type Met = '503' | 'lost' | 'silence';

export type CellResult = Cell & {
  /** What the buyer met, in the order of the union, before the answer. */
  readonly met: readonly string[];
  /** The first answer: where the order was still under way by then, not yet the last one. */
  readonly first: string;
  /** The answer under the buyer's key when all was over, and what had become of the order. */
  readonly end: string;
  /** How often the proxy hit something. */
  readonly hits: number;
  readonly tries: number;
  readonly answeredMs: number;
  readonly restMs: number;
  readonly operations: number;
  readonly violations: readonly Violation[];
  /** What broke no promise and may not be: a 500, a 503 without Retry-After, a slow neighbour. */
  readonly faults: readonly string[];
};

const restMsMax = 25_000;

/** Runs one cell on a lane that is at rest. What the judges found before is not found again. */
export async function runCell(lane: Lane, cell: Cell, seed: number, known: Set<string>): Promise<CellResult> {
  const { dependency, failure, journey } = cell;
  const proxy = lane.proxies[dependency];
  const name = `${dependency}, ${failure}, ${journey}`;
  const way = ways[journey];
  const buyer = { lane, name, client: clientOf(lane, name) };
  await connectAcross(lane, dependency);
  const checkout = await way.prepare(buyer);
  const [callsBefore, sentBefore, hitsBefore] = [lane.history.calls().length, lane.sent.length, proxy.hits()[failure]];
  const ask = askOf(journey);
  await proxy.set(faultOf(failure, dependency, randomFrom(seed)));
  const healed = sleep(faultMs[failure]).then(() => proxy.heal());
  const begunAt = performance.now();
  const neighbour = neighbourOf(lane, dependency);
  let answeredMs = 0;
  let first = '';
  const acted = way.act(buyer, checkout, ask).then((told) => {
    first = answerOf(told.outcome);
    answeredMs = Math.round(performance.now() - begunAt);
  });
  const faults: string[] = [];
  await Promise.all([acted, healed, neighbour.then((fault) => void (fault === null || faults.push(fault)))]);
  const healedAt = performance.now();
  const hits = proxy.hits()[failure] - hitsBefore;
  const calls = lane.history.calls().slice(callsBefore);
  const isQuiet = async (): Promise<boolean> => (await pendingWebhooks(lane)) === 0;
  const violations = await awaitRest({ database: lane.database, withinMs: restMsMax, isQuiet });
  const restMs = Math.round(performance.now() - healedAt);
  const end = await endOf(lane, buyer.client, checkout, ask);
  faults.push(...faultsOfSent(lane, sentBefore));
  const evidence = await collectEvidence(lane.database, {
    history: lane.history.calls(),
    theirs: await fetchAuthorisations(lane.simulatorUrl, controlSecret),
  });
  const found = [...violations, ...judgeAll(evidence)].filter((each) => isNews(known, each));
  return {
    ...cell,
    met: metBy(calls),
    first,
    end,
    hits,
    tries: calls.length,
    answeredMs,
    restMs,
    operations: lane.history.calls().length - callsBefore,
    violations: found,
    faults,
  };
}

/**
 * A fault is to hit what is connected and not only what connects. The worker and the sweeper look at the database all
 * the time; the others are connected, and the provider calls back, when somebody buys.
 */
async function connectAcross(lane: Lane, dependency: Dependency): Promise<void> {
  const isConnected = async (): Promise<boolean> => lane.proxies[dependency].connections() > 0;
  if (await isConnected()) return;
  if (!dependency.endsWith('PostgreSQL') || dependency.startsWith('API')) {
    const client = clientOf(lane, `before ${dependency}`);
    await ways.buy.act(
      { lane, client, name: 'before' },
      await ways.buy.prepare({ lane, client, name: 'before' }),
      askOf('buy'),
    );
  }
  await eventually(`${dependency} is connected`, isConnected);
}

function clientOf(lane: Lane, client: string): RecordingClient {
  return createRecordingClient({
    origin: () => lane.url,
    apiKey: 'key-shop',
    client,
    history: lane.history,
    timeoutMs: limits.buyerTimeoutMs,
  });
}

function isNews(known: Set<string>, { promise, subject, says }: Violation): boolean {
  const mark = `${promise} ${subject} ${says}`;
  if (known.has(mark)) return false;
  known.add(mark);
  return true;
}

/** What the calls met that ended in no answer; any 5xx but 503 by its own name. */
function metBy(calls: readonly ClientCall[]): string[] {
  const met = calls.flatMap(({ outcome }) => {
    if (outcome.kind !== 'unknown') return [];
    if (/^HTTP \d+/.test(outcome.reason)) return [outcome.reason.slice('HTTP '.length, 'HTTP 503'.length)];
    return [outcome.reason === 'TimeoutError' ? 'silence' : 'lost'];
  });
  return [...new Set(met)].sort();
}

function answerOf(outcome: ClientCall['outcome']): string {
  switch (outcome.kind) {
    case 'ok':
      return outcome.checkoutStatus;
    case 'refused':
      return outcome.code;
    case 'unknown':
      return outcome.reason;
    default:
      return never(outcome, 'the outcome of a call');
  }
}

/** Asked after all is over, by the buyer under the same key, and in the tables. */
async function endOf(
  lane: Lane,
  client: RecordingClient,
  checkout: Parameters<RecordingClient['complete']>[0],
  ask: Parameters<RecordingClient['complete']>[1],
): Promise<string> {
  const { outcome } = await client.complete(checkout, ask);
  const [order] = await lane.database.query<{ status: string }>({
    text: 'select status from orders where checkout_id = $1',
    values: [checkout.checkoutId],
  });
  return `${answerOf(outcome)}, ${order === undefined ? 'no order' : `order ${order.status}`}`;
}

function faultsOfSent({ sent }: Lane, from: number): string[] {
  return sent.slice(from).flatMap(({ status, hasRetryAfter, what }) => {
    if (status >= 500 && status !== 503) return [`the API answered ${status} to ${what}`];
    return status === 503 && !hasRetryAfter ? [`a 503 without Retry-After to ${what}`] : [];
  });
}

/** A request that needs nothing of what is broken: it must be answered as ever, in the midst of the fault. */
async function neighbourOf(lane: Lane, dependency: Dependency): Promise<string | null> {
  await sleep(200);
  const path = dependency === 'API → PostgreSQL' ? '/livez' : '/products?limit=1';
  const begunAt = performance.now();
  const response = await fetch(`${lane.directUrl}${path}`, {
    headers: { 'x-api-key': 'key-shop' },
    signal: AbortSignal.timeout(limits.probeMs),
  }).catch((thrown: unknown) => String(thrown));
  const tookMs = Math.round(performance.now() - begunAt);
  if (typeof response === 'string') return `a neighbour at ${path} was not served within ${tookMs} ms: ${response}`;
  const text = await response.text();
  return response.status === 200 ? null : `a neighbour at ${path} was answered ${response.status}: ${text}`;
}

async function pendingWebhooks(lane: Lane): Promise<number> {
  const response = await fetch(`${lane.simulatorUrl}/control/books`, {
    headers: { 'x-control-secret': controlSecret },
  });
  const last = (await response.text()).trim().split('\n').at(-1) ?? '{}';
  return (JSON.parse(last) as { webhooks: { pending: number } }).webhooks.pending;
}

const sleep = (durationMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, durationMs));
