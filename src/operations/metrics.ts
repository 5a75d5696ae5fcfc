/** A metric: what it says, and by what it is told apart. Every label has few values, and none is of a person. */
export type MetricDefinition = {
  readonly kind: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of histograms, in the unit of the name. */
  readonly buckets?: readonly number[];
};

/** From a database read to a provider that takes its time. */
const spanBuckets = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** From promptly taken to a backlog of an hour. */
const waitBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60, 300, 900, 3_600];
/** From alone to as many as there may be. */
const sizeBuckets = [1, 2, 4, 8, 16, 32, 64];

/**
 * Every metric of our own, in the order in which to look at them. The first two tell of nearly every trouble: work that
 * is not begun, and orders that do not get on.
 */
export const metricCatalogue = {
  onetill_queue_oldest_first_attempt_age_seconds: {
    kind: 'gauge',
    help: 'How long the oldest due message that no worker has taken yet is due: how far the workers are behind',
    labels: ['queue'],
  },
  onetill_orders_oldest_age_seconds: {
    kind: 'gauge',
    help: 'How long the order that is longest in the state is in it; of states that are not final',
    labels: ['status'],
  },
  onetill_orders_open: { kind: 'gauge', help: 'Orders in a state that is not final', labels: ['status'] },
  onetill_queue_messages: {
    kind: 'gauge',
    help: 'Messages that are ready, leased by a worker or delayed',
    labels: ['queue', 'state'],
  },
  onetill_queue_messages_failing: {
    kind: 'gauge',
    help: 'Messages that were tried at least once and are not done',
    labels: ['queue'],
  },
  onetill_queue_oldest_message_age_seconds: {
    kind: 'gauge',
    help: 'Since the oldest message was first enqueued, however often it was tried',
    labels: ['queue'],
  },
  onetill_dead_letters_open: { kind: 'gauge', help: 'Dead letters that nobody has settled', labels: ['queue'] },
  onetill_inbox_open: { kind: 'gauge', help: 'What waits for a person', labels: ['kind'] },
  onetill_inbox_oldest_age_seconds: {
    kind: 'gauge',
    help: 'How long the oldest open item of the inbox waits',
    labels: ['kind'],
  },
  onetill_payments_unsettled: {
    kind: 'gauge',
    help: 'Payments whose outcome the provider is still asked for',
    labels: ['status'],
  },
  onetill_payments_oldest_unsettled_age_seconds: {
    kind: 'gauge',
    help: 'How long the payment that is longest in the state is in it; of states without an outcome',
    labels: ['status'],
  },
  onetill_event_feed_lag_seconds: {
    kind: 'gauge',
    help: 'Age of the oldest domain event that the subscriber has not read; 0 if it has read all',
    labels: ['subscriber'],
  },
  onetill_database_readable: {
    kind: 'gauge',
    help: '1 if the gauges above could be read from the database for this scrape, else 0, and they are left out',
    labels: [],
  },
  onetill_commits_total: {
    kind: 'counter',
    help: 'Decided commits, by outcome: committed, or the code of the refusal',
    labels: ['outcome'],
  },
  onetill_commit_batch_size: {
    kind: 'histogram',
    help: 'Orders that were decided together, in one transaction',
    labels: [],
    buckets: sizeBuckets,
  },
  onetill_messages_handled_total: {
    kind: 'counter',
    help: 'Attempts at messages by how they ended: done, retry, dead, or lost with the lease',
    labels: ['queue', 'type', 'result'],
  },
  onetill_message_duration_seconds: {
    kind: 'histogram',
    help: 'How long an attempt at a message took',
    labels: ['queue', 'type'],
    buckets: spanBuckets,
  },
  onetill_message_first_wait_seconds: {
    kind: 'histogram',
    help: 'How long a message waited for its first attempt',
    labels: ['queue'],
    buckets: waitBuckets,
  },
  onetill_http_request_duration_seconds: {
    kind: 'histogram',
    help: 'Answered requests, by the pattern of the route; status 499 is a client that went away',
    labels: ['method', 'route', 'status'],
    buckets: spanBuckets,
  },
  onetill_http_requests_turned_away_total: {
    kind: 'counter',
    help: 'Requests that were answered with 503 at once, because as many are in progress as can be done in time',
    labels: [],
  },
  onetill_outbound_call_duration_seconds: {
    kind: 'histogram',
    help: 'Calls to outside parties, by outcome: the class of the status, or why there is none',
    labels: ['party', 'outcome'],
    buckets: spanBuckets,
  },
  onetill_outbound_circuit: {
    kind: 'gauge',
    help: '1 for the state in which the circuit breaker of the party is',
    labels: ['party', 'state'],
  },
  onetill_sweeper_found_total: {
    kind: 'counter',
    help: 'What the sweeper found overdue, by task',
    labels: ['task'],
  },
} as const satisfies Record<string, MetricDefinition>;

export type MetricName = keyof typeof metricCatalogue;
export const metricNames = Object.keys(metricCatalogue) as MetricName[];

/** One value of a gauge. */
export type Reading = {
  readonly name: MetricName;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
};

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** A method as a label: what a client makes up must not become a series. */
export function methodLabel(method: string): string {
  return methods.includes(method) ? method : 'other';
}

/** How a call out ended, as a label. */
export function outcomeLabel(
  outcome: { readonly kind: 'reply'; readonly status: number } | { readonly kind: string; readonly reason: string },
): string {
  return 'status' in outcome ? `${Math.floor(outcome.status / 100)}xx` : outcome.reason;
}
