import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Message } from '../messaging/message.ts';
import { isMessageType } from '../messaging/queues.ts';
import { assert } from '../shared/assert.ts';
import type { Answered } from '../shared/inbound.ts';
import type { OutboundOutcome } from '../shared/outbound.ts';
import type { Database } from '../shared/postgres/client.ts';
import { cached } from './cached.run.ts';
import { readGauges } from './gauges.run.ts';
import { type MetricName, methodLabel, metricCatalogue, metricNames, outcomeLabel, type Reading } from './metrics.ts';

export type Circuit = { readonly party: string; readonly circuit: 'closed' | 'open' | 'half-open' };

export type MetricsOptions = {
  readonly database: Database;
  /** The kind of this process, such as `worker`: a label of every series. */
  readonly process: string;
  /** How the circuits to outside parties stand now, in a process that calls out. */
  readonly circuits?: () => readonly Circuit[];
};

/** What a process counts, and the text that Prometheus reads. The hooks fit the options of API, worker and sweeper. */
export type Metrics = {
  readonly contentType: string;
  /** Reads the gauges of the database (at most once a second), and gives the text. Never fails for the database. */
  text(): Promise<string>;
  /** An outcome of the commit: `committed`, or the code of the refusal. */
  onCommitted(outcome: string): void;
  /** How many orders were decided in one transaction. */
  onBatch(size: number): void;
  onAnswered(answered: Answered): void;
  onTurnedAway(): void;
  onTaken(message: Message): void;
  onHandled(message: Message, result: 'done' | 'retry' | 'dead' | 'lost', durationMs: number): void;
  onCall(call: { party: string; outcome: OutboundOutcome; durationMs: number }): void;
  onSwept(task: string, found: number): void;
};

const gaugesKeptMs = 1_000;

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ process: options.process });
  collectDefaultMetrics({ register: registry });
  const instruments = makeInstruments(registry);
  const gauges = cached(() => readGauges(options.database), gaugesKeptMs);
  return {
    contentType: registry.contentType,
    async text() {
      const readings = await gauges().catch(() => null);
      // What cannot be read is left out: an old value would pass for a new one.
      for (const name of readName) instruments.gauge(name).reset();
      const circuits = options.circuits?.().flatMap(circuitReadings) ?? [];
      const readable: Reading = { name: 'onetill_database_readable', labels: {}, value: readings === null ? 0 : 1 };
      for (const { name, labels, value } of [...(readings ?? []), ...circuits, readable]) {
        instruments.gauge(name).set(labels, value);
      }
      return await registry.metrics();
    },
    onCommitted: (outcome) => instruments.counter('onetill_commits_total').inc({ outcome }),
    onBatch: (size) => instruments.histogram('onetill_commit_batch_size').observe(size),
    onTurnedAway: () => instruments.counter('onetill_http_requests_turned_away_total').inc(),
    onAnswered({ method, route, status, durationMs }) {
      const labels = { method: methodLabel(method), route, status: String(status) };
      instruments.histogram('onetill_http_request_duration_seconds').observe(labels, durationMs / 1_000);
    },
    onTaken({ queue, firstWaitMs }) {
      if (firstWaitMs === null) return;
      instruments.histogram('onetill_message_first_wait_seconds').observe({ queue }, firstWaitMs / 1_000);
    },
    onHandled(message, result, durationMs) {
      // A type that this version does not know comes from a row: it must not make a series.
      const labels = { queue: message.queue, type: isMessageType(message.type) ? message.type : 'unknown' };
      instruments.counter('onetill_messages_handled_total').inc({ ...labels, result });
      instruments.histogram('onetill_message_duration_seconds').observe(labels, durationMs / 1_000);
    },
    onCall({ party, outcome, durationMs }) {
      const labels = { party, outcome: outcomeLabel(outcome) };
      instruments.histogram('onetill_outbound_call_duration_seconds').observe(labels, durationMs / 1_000);
    },
    onSwept: (task, found) => instruments.counter('onetill_sweeper_found_total').inc({ task }, found),
  };
}

const readName = metricNames.filter((name) => metricCatalogue[name].kind === 'gauge');

function circuitReadings({ party, circuit }: Circuit): Reading[] {
  return (['closed', 'open', 'half-open'] as const).map((state) => {
    return { name: 'onetill_outbound_circuit', labels: { party, state }, value: state === circuit ? 1 : 0 };
  });
}

function makeInstruments(registry: Registry) {
  const made = new Map(metricNames.map((name) => [name, instrumentOf(name, registry)]));
  return {
    gauge(name: MetricName): Gauge {
      const instrument = made.get(name);
      assert(instrument instanceof Gauge, `${name} is a gauge`);
      return instrument;
    },
    counter(name: MetricName): Counter {
      const instrument = made.get(name);
      assert(instrument instanceof Counter, `${name} is a counter`);
      return instrument;
    },
    histogram(name: MetricName): Histogram {
      const instrument = made.get(name);
      assert(instrument instanceof Histogram, `${name} is a histogram`);
      return instrument;
    },
  };
}

function instrumentOf(name: MetricName, registry: Registry): Gauge | Counter | Histogram {
  const definition = metricCatalogue[name];
  const config = { name, help: definition.help, labelNames: [...definition.labels], registers: [registry] };
  if (definition.kind === 'gauge') return new Gauge(config);
  if (definition.kind === 'counter') return new Counter(config);
  return new Histogram({ ...config, buckets: [...definition.buckets] });
}
