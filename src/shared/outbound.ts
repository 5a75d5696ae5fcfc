import {
  BrokenCircuitError,
  BulkheadRejectedError,
  bulkhead,
  type CircuitBreakerPolicy,
  CircuitState,
  circuitBreaker,
  handleWhenResult,
  SamplingBreaker,
} from 'cockatiel';
import type { Pool } from 'undici';
import { assert, Bug, never, present } from './assert.ts';
import { sleep, stopwatch } from './clock.ts';
import { type AddressRefusal, type AllowedOrigin, checkOrigin, checkUrl } from './outbound/address.ts';
import { type Attempt, type Call, dispatchOnce, type Lookup, openPool } from './outbound/dispatch.ts';
import type { Party } from './parties.ts';
import { insideTransaction } from './postgres/client.ts';

/**
 * A call out of the process ends in one of three ways, and never in an exception. What may have left us is unknown,
 * whatever went wrong afterwards; only what certainly did not leave could not be posted.
 */
export type OutboundOutcome =
  | {
      readonly kind: 'reply';
      readonly status: number;
      /** Lower case names; several values of one name are joined by a comma. */
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    }
  | { readonly kind: 'could-not-post'; readonly reason: CouldNotPost; readonly retryAfterMs?: number }
  | { readonly kind: 'unknown'; readonly reason: Unknown };

export type CouldNotPost =
  | AddressRefusal
  | 'circuit_open'
  | 'too_many_calls'
  | 'no_connection'
  | 'timeout_in_queue'
  | 'stopped';
export type Unknown = 'timeout' | 'connection_lost' | 'response_too_large';

export type OutboundRequest<Name extends string> = {
  readonly party: Name;
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** W3C Trace Context of the work that this call belongs to. Without it, the client's own `traceparent` is asked. */
  readonly traceparent?: string;
};

export type Outbound<Name extends string> = {
  readonly call: (request: OutboundRequest<Name>) => Promise<OutboundOutcome>;
  /** What stands between us and the party now, for metrics and readiness. */
  readonly state: (party: Name) => { readonly circuit: 'closed' | 'open' | 'half-open'; readonly freeSlots: number };
  /** Gives up the calls under way, whose outcome is then unknown, and closes the connections. */
  readonly stop: () => Promise<void>;
};

export type OutboundOptions<Name extends string> = {
  readonly parties: Readonly<Record<Name, Party>>;
  /** Where each party may be called. What is not listed is not called. */
  readonly origins: Readonly<Partial<Record<Name, readonly AllowedOrigin[]>>>;
  readonly traceparent?: () => string | undefined;
  /** Told of every call, for metrics. */
  readonly onCall?: (call: { party: Name; outcome: OutboundOutcome; durationMs: number }) => void;
  /** Replaces the system's resolver in tests. */
  readonly lookup?: Lookup;
};

/**
 * The one client for calls out of the process: addresses on an allow list, https but on loopback, no redirects, limits
 * on size, time and concurrency, and a circuit breaker, all per party (parties.ts).
 *
 * Retries are the queue's, with its backoff, its attempt count on disk and its operator's view. Here a call is tried a
 * second time once at the most, only when it certainly never left because no connection was made, and within a budget:
 * that mends a restart of one of the party's machines without a message's delay, and cannot multiply with the queue's.
 */
export function createOutbound<Name extends string>(options: OutboundOptions<Name>): Outbound<Name> {
  const lanes = new Map<Name, Lane>();
  for (const name of Object.keys(options.parties) as Name[]) {
    lanes.set(name, createLane(name, options.parties[name], options.origins[name] ?? [], options.lookup));
  }
  const laneOf = (party: Name): Lane => present(lanes.get(party), 'the party of a call');
  return {
    async call(request) {
      if (insideTransaction()) throw new Bug('a call out of the process was begun inside a database transaction');
      const elapsedMs = stopwatch();
      const traceparent = request.traceparent ?? options.traceparent?.();
      const headers = traceparent === undefined ? request.headers : { ...request.headers, traceparent };
      const outcome = await callParty(laneOf(request.party), { ...request, headers: headers ?? {} });
      options.onCall?.({ party: request.party, outcome, durationMs: elapsedMs() });
      return outcome;
    },
    state(party) {
      const { breaker, slots } = laneOf(party);
      return { circuit: circuitNames[breaker.state], freeSlots: slots.executionSlots };
    },
    async stop() {
      for (const lane of lanes.values()) {
        lane.stopped = true;
        for (const deadline of lane.deadlines) deadline.abort();
        for (const pool of lane.pools.values()) await pool.destroy();
      }
    },
  };
}

const circuitNames = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.HalfOpen]: 'half-open',
  [CircuitState.Isolated]: 'open',
} as const;

/** All that we hold for one party. */
type Lane = {
  readonly party: Party;
  readonly origins: readonly AllowedOrigin[];
  readonly pools: ReadonlyMap<string, Pool>;
  readonly slots: ReturnType<typeof bulkhead>;
  readonly breaker: CircuitBreakerPolicy;
  /** Of the calls under way. */
  readonly deadlines: Set<AbortController>;
  stopped: boolean;
  /** Second tries saved up, in hundredths. */
  budget: number;
};

const secondTry = 100;
const budgetMax = 10 * secondTry;
const secondTryDelayMs = 50;

function createLane(name: string, party: Party, origins: readonly AllowedOrigin[], lookup?: Lookup): Lane {
  const pools = new Map<string, Pool>();
  for (const { origin, reach } of origins) {
    const url = new URL(origin);
    const fault = url.origin === origin ? checkOrigin(url, reach, party.ports) : 'url_not_canonical';
    assert(fault === null, `an origin of ${name} that may be called (${fault})`);
    pools.set(origin, openPool(origin, reach, party, lookup));
  }
  const breakerCallsPerSecondMin = party.breakerCallsMin.value / (party.breakerWindowMs.value / 1_000);
  const breaker = circuitBreaker(
    handleWhenResult((result) => isTrouble(result as OutboundOutcome)),
    {
      halfOpenAfter: party.breakerOpenMs.value,
      breaker: new SamplingBreaker({
        threshold: party.breakerFailurePercent.value / 100,
        duration: party.breakerWindowMs.value,
        minimumRps: breakerCallsPerSecondMin,
      }),
    },
  );
  const slots = bulkhead(party.concurrencyMax.value, party.queueMax.value);
  return { party, origins, pools, slots, breaker, deadlines: new Set(), stopped: false, budget: budgetMax };
}

/** The party is in trouble. A refusal or a 429 is not trouble: it is an answer of a party that is well. */
function isTrouble(outcome: OutboundOutcome): boolean {
  return outcome.kind !== 'reply' || outcome.status >= 500;
}

async function callParty(lane: Lane, request: OutboundRequest<string>): Promise<OutboundOutcome> {
  const { party, slots, breaker } = lane;
  assert(
    Buffer.byteLength(request.body ?? '') <= party.requestBytesMax.value,
    'a request within the limit of its party',
  );
  const target = checkUrl(request.url, lane.origins, party.ports);
  if (typeof target === 'string') return { kind: 'could-not-post', reason: target };
  if (lane.stopped) return { kind: 'could-not-post', reason: 'stopped' };
  const { method, headers = {}, body } = request;
  const call: Call = { method, url: target, headers, ...(body === undefined ? {} : { body }) };
  lane.budget = Math.min(budgetMax, lane.budget + party.retryPercentMax.value);

  const deadline = new AbortController();
  const ended = new AbortController();
  void sleep(party.totalTimeoutMs.value, ended.signal).then(() => deadline.abort());
  lane.deadlines.add(deadline);
  let begun = false;
  const inQueue = new Promise<OutboundOutcome>((resolve) => {
    deadline.signal.addEventListener('abort', () => {
      if (!begun) resolve({ kind: 'could-not-post', reason: 'timeout_in_queue' });
    });
  });
  async function attempt(): Promise<OutboundOutcome> {
    begun = true;
    if (deadline.signal.aborted) return { kind: 'could-not-post', reason: 'timeout_in_queue' };
    return outcomeOf(await tryTwice(lane, call, deadline.signal));
  }
  try {
    // The queue goes outside of the breaker: a full queue is our own trouble, and says nothing about the party.
    return await Promise.race([slots.execute(() => breaker.execute(attempt)), inQueue]);
  } catch (error) {
    if (error instanceof BulkheadRejectedError) return { kind: 'could-not-post', reason: 'too_many_calls' };
    if (!(error instanceof BrokenCircuitError)) throw error;
    return { kind: 'could-not-post', reason: 'circuit_open', retryAfterMs: party.breakerOpenMs.value };
  } finally {
    lane.deadlines.delete(deadline);
    ended.abort();
  }
}

async function tryTwice(lane: Lane, call: Call, deadline: AbortSignal): Promise<Attempt> {
  const pool = present(lane.pools.get(call.url.origin), 'the connections to an allowed origin');
  const first = await dispatchOnce(pool, call, deadline);
  const mayTryAgain = first.ended === 'not-sent' && first.reason === 'no_connection' && lane.budget >= secondTry;
  if (!mayTryAgain || deadline.aborted) return first;
  lane.budget -= secondTry;
  await sleep(secondTryDelayMs, deadline);
  return deadline.aborted ? first : dispatchOnce(pool, call, deadline);
}

function outcomeOf(attempt: Attempt): OutboundOutcome {
  switch (attempt.ended) {
    case 'reply':
      return { kind: 'reply', status: attempt.status, headers: attempt.headers, body: attempt.body };
    case 'not-sent':
      return { kind: 'could-not-post', reason: attempt.reason };
    case 'sent':
      return { kind: 'unknown', reason: attempt.reason };
    default:
      return never(attempt, 'end of an attempt');
  }
}
