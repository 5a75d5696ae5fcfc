import { startPaymentProvider } from '../../simulators/payment-provider/server.run.ts';
import { buildApi, buildHandlers, buildWorker, runnerOptions, sweeperTasks } from '../../src/main/wiring.ts';
import { type QueueName, type QueueSettings, queueNames, queues } from '../../src/messaging/queues.ts';
import { createWaker, wakeChannel } from '../../src/messaging/waker.run.ts';
import { createMetrics } from '../../src/operations/metrics.run.ts';
import type { PaymentTimings } from '../../src/payments/timings.ts';
import { startSweeper } from '../../src/sagas/sweeper.run.ts';
import { silentLogger } from '../../src/shared/log.ts';
import { connect, type Database } from '../../src/shared/postgres/client.ts';
import { Secret } from '../../src/shared/secret.ts';
import { apiKey, connectTo, controlSecret, temporaryFolder, webhookSecret } from '../contracts/simulator.ts';
import { createTestDatabase } from '../harness/database.ts';
import { seedShop } from '../harness/shop.ts';
import { randomFrom } from '../harness/world.ts';
import { rememberMessages } from '../judges/collect.ts';
import { createHistory, type History } from '../judges/history.ts';
import { type Dependency, dependencies, limits } from './dependencies.ts';
import { type FaultProxy, startFaultProxy } from './proxy.ts';

/** What the API sent, whether it arrived or not. */
export type Sent = { readonly status: number; readonly hasRetryAfter: boolean; readonly what: string };

/** A whole shop on a database of its own: every part reaches every other one through a proxy. */
export type Lane = {
  /** Of the run itself, past all proxies. */
  readonly database: Database;
  readonly proxies: Readonly<Record<Dependency, FaultProxy>>;
  /** The API past its proxy, and through it. */
  readonly directUrl: string;
  readonly url: string;
  readonly simulatorUrl: string;
  readonly history: History;
  readonly sent: readonly Sent[];
  stop(): Promise<void>;
};

const timings: PaymentTimings = { checkAfterMs: 1_500, absentAfterMs: 1_200, lookAgainAfterMs: 1_200 };

export async function openLane(options: { readonly adminUrl: string; readonly seed: number }): Promise<Lane> {
  const ends: (() => Promise<unknown>)[] = [];
  const scratch = await createTestDatabase({ adminUrl: options.adminUrl, connectionsMax: 3 });
  ends.push(() => scratch.drop());
  await seedShop(scratch.database, { PLENTY: 1_000_000, LAST: 0 });
  await rememberMessages(scratch.database);
  const targets = new Map<Dependency, { host: string; port: number }>();
  const proxies = await openProxies(targets, options.seed, ends);
  const over = (dependency: Dependency, connectionsMax: number): Database => {
    const database = databaseThrough(proxies[dependency], scratch.url, dependency, connectionsMax);
    ends.push(() => database.close());
    return database;
  };
  const { host, port } = hostOf(scratch.url);
  for (const each of dependencies) if (each.endsWith('→ PostgreSQL')) targets.set(each, { host, port });

  const sent: Sent[] = [];
  const directUrl = await startApi(over('API → PostgreSQL', 4), sent, ends);
  targets.set('buyer → API', hostOf(directUrl)).set('payment provider → API', hostOf(directUrl));
  const simulatorUrl = await startSimulator(urlOf(proxies['payment provider → API']), ends);
  targets.set('worker → payment provider', hostOf(simulatorUrl));
  const hints = over("worker's hints → PostgreSQL", 1);
  await startWorker(over('worker → PostgreSQL', 5), hints, urlOf(proxies['worker → payment provider']), ends);
  const sweeping = over('sweeper → PostgreSQL', 2);
  const swept = { database: sweeping, waker: createWaker(sweeping, () => {}), log: silentLogger };
  const sweeper = startSweeper({ ...runnerOptions(swept, 'sweeper'), log: silentLogger }, sweeperTasks);
  ends.push(() => sweeper.stop());
  return {
    database: scratch.database,
    proxies,
    directUrl,
    url: urlOf(proxies['buyer → API']),
    simulatorUrl,
    history: createHistory(),
    sent,
    async stop() {
      // What was started last is stopped first; one that cannot be stopped keeps no other from it.
      for (const end of ends.reverse()) await end().catch(() => {});
    },
  };
}

type Ends = (() => Promise<unknown>)[];

async function openProxies(
  targets: ReadonlyMap<Dependency, { host: string; port: number }>,
  seed: number,
  ends: Ends,
): Promise<Record<Dependency, FaultProxy>> {
  const opened: [Dependency, FaultProxy][] = [];
  for (const [index, dependency] of dependencies.entries()) {
    const proxy = await startFaultProxy({
      target: () => targets.get(dependency) ?? { host: '127.0.0.1', port: 1 },
      random: randomFrom(seed + index),
    });
    ends.push(() => proxy.stop());
    opened.push([dependency, proxy]);
  }
  return Object.fromEntries(opened) as Record<Dependency, FaultProxy>;
}

function databaseThrough(proxy: FaultProxy, url: string, name: string, connectionsMax: number): Database {
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String(proxy.port);
  through.searchParams.delete('host');
  const applicationName = `lane ${name.replace(' → ', ' to ')}`;
  return connect({ url: through.toString(), applicationName, connectionsMax, ...limits.database });
}

async function startApi(database: Database, sent: Sent[], ends: Ends): Promise<string> {
  const inbound = buildApi(
    { database, waker: createWaker(database, () => {}), log: silentLogger },
    {
      publicUrl: 'https://checkout.example',
      shopUrl: 'https://shop.example',
      publicMerchantId: null,
      webhookSources: [{ provider: 'simulated', secrets: [new Secret(webhookSecret)] }],
      health: {
        metrics: createMetrics({ database, process: 'api' }),
        readiness: async () => ({ ready: true, checks: [] }),
      },
    },
  );
  // Runs also for an answer that its reader never got.
  inbound.server.addHook('onResponse', async (request, reply) => {
    const what = `${request.method} ${request.url}`;
    sent.push({ status: reply.statusCode, hasRetryAfter: reply.hasHeader('retry-after'), what });
  });
  ends.push(() => inbound.drain(500));
  return await inbound.server.listen({ host: '127.0.0.1', port: 0 });
}

async function startSimulator(apiUrl: string, ends: Ends): Promise<string> {
  const folder = await temporaryFolder();
  ends.push(folder.remove);
  const simulator = await startPaymentProvider({
    port: 0,
    dataDir: folder.path,
    apiKey,
    controlSecret,
    webhookSecret,
    webhookUrl: `${apiUrl}/webhooks/simulated`,
    webhookRetryMs: limits.webhookRetryMs,
    log: silentLogger,
  });
  ends.push(() => simulator.stop());
  return simulator.url;
}

async function startWorker(database: Database, hints: Database, providerUrl: string, ends: Ends): Promise<void> {
  const waker = createWaker(database, () => {});
  const built = { database, waker, log: silentLogger };
  const { provider, outbound } = connectTo(providerUrl, { totalTimeoutMs: limits.providerTotalMs });
  ends.push(() => outbound.stop());
  const worker = buildWorker(built, {
    handlers: buildHandlers(built, { providers: [provider], timings, actor: 'worker' }),
    queues: queueNames,
    name: 'worker',
    settings: quick(),
  });
  ends.push(() => worker.stop());
  waker.local((names) => worker.wake(names));
  ends.push(await hints.listen(wakeChannel, (payload) => worker.wake(payload.split(','))));
}

/** The queues as they are, attempts and all, with short leases and backoff. */
function quick(): Record<QueueName, QueueSettings> {
  const short = { leaseMs: limits.leaseMs, backoffBaseMs: 100, backoffCapMs: 400 };
  return Object.fromEntries(queueNames.map((name) => [name, { ...queues[name], ...short }])) as Record<
    QueueName,
    QueueSettings
  >;
}

const urlOf = ({ port }: FaultProxy): string => `http://127.0.0.1:${port}`;

function hostOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
}
