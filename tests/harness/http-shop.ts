import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPaymentProvider } from '../../simulators/payment-provider/server.run.ts';
import {
  buildApi,
  buildHandlers,
  buildProviders,
  buildWorker,
  processName,
  runnerOptions,
  sweeperTasks,
} from '../../src/main/wiring.ts';
import { type QueueName, queueNames } from '../../src/messaging/queues.ts';
import { createWaker, wakeChannel } from '../../src/messaging/waker.run.ts';
import type { WorkerOptions } from '../../src/messaging/worker.run.ts';
import { startSweeper } from '../../src/sagas/sweeper.run.ts';
import { silentLogger } from '../../src/shared/log.ts';
import { connect, type Database } from '../../src/shared/postgres/client.ts';
import { Secret } from '../../src/shared/secret.ts';
import { collectEvidence, collectTexts, fetchAuthorisations, rememberMessages } from '../judges/collect.ts';
import type { Evidence } from '../judges/evidence.ts';
import { createHistory, type History } from '../judges/history.ts';
import type { Violation } from '../judges/judge.ts';
import { plantCard, plantedCard } from '../judges/plant-card.ts';
import { createRecordingClient, type RecordingClient } from '../judges/recording-client.ts';
import { awaitRest } from '../judges/rest.ts';
import { quickQueues, quickTimings, seedShop } from './shop.ts';
import { testFolderPrefix } from './test-folder.ts';

/** What runs until it is stopped. */
export type Stoppable = { stop(): Promise<void> };

/** All that a process beside the shop needs to be one of its own. */
export type ShopAddress = { readonly databaseUrl: string; readonly providerUrl: string };

/** What a worker is restricted to. Left out: all queues, and as many attempts as in production. */
export type WorkerShape = { readonly queues?: readonly QueueName[]; readonly attemptsMax?: number };

export type HttpShop = ShopAddress & {
  /** For looks from outside, with connections of its own. */
  readonly database: Database;
  /** Where its API instances listen. */
  readonly apis: readonly string[];
  readonly history: History;
  /** A buyer who writes down all that it is told, at one of the instances. */
  buyer(client: string, more?: { readonly api?: number; readonly timeoutMs?: number }): RecordingClient;
  /** Starts one more worker, of all queues or of some. All that were started are stopped with the shop. */
  addWorker(more?: WorkerShape): Promise<Stoppable>;
  addSweeper(): Promise<Stoppable>;
  /** Waits until nothing is left to do, then gives what the judges look at, and why it does not rest if it does not. */
  rest(more: {
    readonly withinMs: number;
    readonly allowsPeople?: boolean;
    readonly onProgress?: (line: string) => void;
  }): Promise<{ readonly evidence: Evidence; readonly unrest: readonly Violation[] }>;
  stop(): Promise<void>;
};

export const shopSecrets = {
  apiKey: 'sk_test',
  control: 'control',
  webhook: 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=',
} as const;

/** Of the caller that `seedShop` makes. */
const callerKey = 'key-shop';

export type HttpShopOptions = {
  /** Of a database with the schema and no rows. */
  readonly databaseUrl: string;
  readonly stock: Readonly<Record<string, number>>;
  readonly apis: number;
  readonly workers: number;
  readonly sweepers: number;
  /** Where the provider sends its events, given where the instances listen. Left out: to the first of them. */
  readonly webhookUrl?: (apis: readonly string[]) => string;
};

/**
 * The shop as it is wired for production, over real HTTP on both sides: API instances, workers and sweepers with
 * connections of their own, and the simulated provider as a server with its books on disk. Only leases, backoff and
 * the times after which a payment is asked for are short.
 */
export async function openHttpShop(options: HttpShopOptions): Promise<HttpShop> {
  const { databaseUrl } = options;
  const running: Stoppable[] = [];
  const database = connect({ url: databaseUrl, applicationName: 'looks of a test', connectionsMax: 4 });
  await seedShop(database, options.stock);
  await rememberMessages(database);
  const apis: string[] = [];
  for (let count = 0; count < options.apis; count += 1) {
    const api = await startApi(databaseUrl);
    running.push(api);
    apis.push(api.url);
  }
  const provider = await startProvider(options.webhookUrl?.(apis) ?? `${apis[0]}/webhooks/simulated`);
  const address = { databaseUrl, providerUrl: provider.url };
  const history = createHistory();
  const started = async (starting: Promise<Stoppable>): Promise<Stoppable> => {
    const one = stoppedOnce(await starting);
    running.push(one);
    return one;
  };
  const shop: HttpShop = {
    ...address,
    database,
    apis,
    history,
    buyer: (client, more = {}) =>
      createRecordingClient({
        origin: () => apis[more.api ?? 0] ?? '',
        apiKey: callerKey,
        client,
        history,
        ...(more.timeoutMs === undefined ? {} : { timeoutMs: more.timeoutMs }),
      }),
    addWorker: (more) => started(startShopWorker(address, more)),
    addSweeper: () => started(startShopSweeper(databaseUrl)),
    async rest({ allowsPeople = false, ...more }) {
      const isQuiet = async () => (await pendingWebhooks(provider.url)) === 0;
      const unrest = await awaitRest({ database, isQuiet, allowsPeople, ...more });
      const evidence = await collectEvidence(database, {
        history: history.calls(),
        theirs: await fetchAuthorisations(provider.url, shopSecrets.control),
        planted: [plantedCard, shopSecrets.webhook, shopSecrets.apiKey, callerKey],
        texts: await collectTexts(database),
        allowsPeople,
      });
      return { evidence, unrest };
    },
    async stop() {
      await Promise.all(running.map((each) => each.stop()));
      await provider.stop();
      await database.close();
    },
  };
  await plantCard(shop.buyer('a buyer who types a card number'), Object.keys(options.stock)[0] ?? 'NONE');
  for (let count = 0; count < options.workers; count += 1) await shop.addWorker();
  for (let count = 0; count < options.sweepers; count += 1) await shop.addSweeper();
  return shop;
}

/** A worker that a test stops is stopped again with its shop. */
function stoppedOnce(one: Stoppable): Stoppable {
  let stopping: Promise<void> | undefined;
  return { stop: () => (stopping ??= one.stop()) };
}

/** An API instance on any free port. */
export async function startApi(databaseUrl: string): Promise<Stoppable & { readonly url: string }> {
  const database = connect({ url: databaseUrl, applicationName: 'api', connectionsMax: 10 });
  const inbound = buildApi(
    { database, waker: createWaker(database, () => {}), log: silentLogger },
    {
      publicUrl: 'http://localhost:8080',
      shopUrl: 'https://shop.example',
      publicMerchantId: null,
      webhookSources: [{ provider: 'simulated', secrets: [new Secret(shopSecrets.webhook)] }],
    },
  );
  const url = await inbound.server.listen({ host: '127.0.0.1', port: 0 });
  return {
    url,
    async stop() {
      await inbound.drain(2_000);
      await database.close();
    },
  };
}

/** A worker with a name of its own, and short leases. */
export async function startShopWorker(
  address: ShopAddress,
  more: WorkerShape & Pick<WorkerOptions, 'onHandled'> = {},
): Promise<Stoppable> {
  const database = connect({ url: address.databaseUrl, applicationName: 'worker', connectionsMax: 10 });
  const waker = createWaker(database, () => {});
  const { outbound, providers } = buildProviders({
    providerUrl: address.providerUrl,
    apiKey: new Secret(shopSecrets.apiKey),
  });
  const built = { database, waker, log: silentLogger };
  const name = processName('worker');
  const worker = buildWorker(built, {
    handlers: buildHandlers(built, { providers, timings: quickTimings, actor: name }),
    queues: more.queues ?? queueNames,
    name,
    pollMs: 100,
    settings: quickLeases(more.attemptsMax),
    ...(more.onHandled === undefined ? {} : { onHandled: more.onHandled }),
  });
  waker.local((queues) => worker.wake(queues));
  const stopListening = await database.listen(wakeChannel, (payload) => worker.wake(payload.split(',')));
  return {
    async stop() {
      await stopListening();
      await worker.stop();
      await outbound.stop();
      await database.close();
    },
  };
}

/** A sweeper with a name of its own. */
export async function startShopSweeper(databaseUrl: string): Promise<Stoppable> {
  const database = connect({ url: databaseUrl, applicationName: 'sweeper', connectionsMax: 3 });
  const waker = createWaker(database, () => {});
  const built = { database, waker, log: silentLogger };
  const options = runnerOptions(built, processName('sweeper'));
  const sweeper = startSweeper({ ...options, log: silentLogger }, sweeperTasks);
  return {
    async stop() {
      await sweeper.stop();
      await database.close();
    },
  };
}

/** What a dead or paused worker holds is taken over after this. */
export const shortLeaseMs = 1_500;

function quickLeases(attemptsMax?: number): ReturnType<typeof quickQueues> {
  const settings = quickQueues(attemptsMax);
  for (const name of queueNames) settings[name] = { ...settings[name], leaseMs: shortLeaseMs };
  return settings;
}

async function startProvider(webhookUrl: string): Promise<Stoppable & { readonly url: string }> {
  const dataDir = await mkdtemp(join(tmpdir(), `${testFolderPrefix}${process.pid}-provider-`));
  const server = await startPaymentProvider({
    port: 0,
    dataDir,
    apiKey: shopSecrets.apiKey,
    controlSecret: shopSecrets.control,
    webhookUrl,
    webhookSecret: shopSecrets.webhook,
    webhookRetryMs: 50,
    log: silentLogger,
  });
  return {
    url: server.url,
    async stop() {
      await server.stop();
      await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    },
  };
}

/** How many events the provider has still to deliver. */
async function pendingWebhooks(providerUrl: string): Promise<number> {
  const response = await fetch(`${providerUrl}/control/books`, {
    headers: { 'x-control-secret': shopSecrets.control },
    signal: AbortSignal.timeout(30_000),
  });
  const last = (await response.text()).trimEnd().split('\n').at(-1) ?? '{}';
  return (JSON.parse(last) as { webhooks: { pending: number } }).webhooks.pending;
}
