import { closeSync, openSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startPaymentProvider } from '../../simulators/payment-provider/server.run.ts';
import { migrationsDirectory } from '../../src/main/migrations.ts';
import { buildApi, buildHandlers, buildWorker, runnerOptions, sweeperTasks } from '../../src/main/wiring.ts';
import { queueNames } from '../../src/messaging/queues.ts';
import { createWaker } from '../../src/messaging/waker.run.ts';
import { createMetrics } from '../../src/operations/metrics.run.ts';
import { createReadiness } from '../../src/operations/readiness.run.ts';
import { startSweeper } from '../../src/sagas/sweeper.run.ts';
import { createLogger, silentLogger } from '../../src/shared/log.ts';
import type { Database } from '../../src/shared/postgres/client.ts';
import { Secret } from '../../src/shared/secret.ts';
import { connectTo, temporaryFolder } from '../contracts/simulator.ts';
import { createTestDatabase } from '../harness/database.ts';
import { quickQueues, quickTimings, seedShop } from '../harness/shop.ts';
import type { Evidence } from './plants.ts';

export type ShopSecrets = {
  readonly providerKey: string;
  readonly controlSecret: string;
  readonly webhookSecret: string;
};

/** What a provider that talks too much says of an authorise call instead of acting; null lets the simulator answer. */
export type LooseTongue = (authorise: { readonly token: string; readonly key: string }) => {
  readonly status: number;
  readonly body: string;
} | null;

export type PlantedShop = {
  readonly url: string;
  readonly databaseUrl: string;
  readonly database: Database;
  /** Everything that was logged so far, at level debug. */
  logged(): Evidence;
  /** Everything that went out to the provider: start lines, headers and bodies. */
  wentOut(): readonly Evidence[];
  /** What the provider says from now on. */
  provider(tongue: LooseTongue): void;
  stop(): Promise<void>;
};

/** All of the shop, as it is wired for production: API, worker, sweeper and the provider over HTTP. */
export async function openPlantedShop(secrets: ShopSecrets, stock: Record<string, number>): Promise<PlantedShop> {
  const folder = await temporaryFolder();
  const scratch = await createTestDatabase({ connectionsMax: 16 });
  const { database } = scratch;
  await seedShop(database, stock);
  const logPath = join(folder.path, 'log');
  const fileDescriptor = openSync(logPath, 'a');
  const log = createLogger({ process: 'tests', level: 'debug', fileDescriptor });
  const waker = createWaker(database, (error) => log.warn('could not send a wake-up hint', { error }));
  const built = { database, waker, log };
  const metrics = createMetrics({ database, process: 'all' });
  const inbound = buildApi(built, {
    publicUrl: 'http://localhost:8080',
    shopUrl: 'https://shop.example',
    publicMerchantId: null,
    webhookSources: [{ provider: 'simulated', secrets: [new Secret(secrets.webhookSecret)] }],
    health: { metrics, readiness: createReadiness({ database, migrationsDirectory }) },
  });
  const url = await inbound.server.listen({ host: '127.0.0.1', port: 0 });
  const simulator = await startPaymentProvider({
    port: 0,
    dataDir: join(folder.path, 'books'),
    apiKey: secrets.providerKey,
    controlSecret: secrets.controlSecret,
    webhookSecret: secrets.webhookSecret,
    log: silentLogger,
    webhookUrl: `${url}/webhooks/simulated`,
    webhookRetryMs: 50,
  });
  const between = await startBetween(simulator.url);
  const { provider, outbound } = connectTo(between.url, { totalTimeoutMs: 1_000 }, secrets.providerKey);
  const handlers = buildHandlers(built, { providers: [provider], timings: quickTimings, actor: 'worker under test' });
  const counted = { onTaken: metrics.onTaken, onHandled: metrics.onHandled };
  const worker = buildWorker(built, {
    ...counted,
    handlers,
    queues: queueNames,
    name: 'worker under test',
    pollMs: 50,
    settings: quickQueues(4),
  });
  waker.local((names) => worker.wake(names));
  const sweeper = startSweeper({ ...runnerOptions(built, 'sweeper under test'), log }, sweeperTasks);
  return {
    url,
    databaseUrl: scratch.url,
    database,
    logged: () => ({ where: 'the logs', text: readFileSync(logPath, 'utf8') }),
    wentOut: between.heard,
    provider: between.say,
    async stop() {
      await Promise.all([worker.stop(), sweeper.stop()]);
      await outbound.stop();
      await between.stop();
      await simulator.stop();
      await inbound.drain(1_000);
      await scratch.drop();
      closeSync(fileDescriptor);
      await folder.remove();
    },
  };
}

/** Stands between us and the provider: notes what goes out, and can say something else than the provider does. */
async function startBetween(providerUrl: string) {
  const heard: Evidence[] = [];
  let tongue: LooseTongue = () => null;
  const server: Server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    const { method = '', url = '' } = request;
    const headers = Object.entries(request.headers).map(([name, value]) => `${name}: ${String(value)}`);
    heard.push({ where: 'headers to the provider', text: [`${method} ${url}`, ...headers].join('\n') });
    heard.push({ where: 'a body to the provider', text: body });
    const isAuthorise = method === 'POST' && url === '/v1/authorisations';
    const key = String(request.headers['idempotency-key'] ?? new URL(url, providerUrl).searchParams.get('key') ?? '');
    const said = isAuthorise ? tongue({ token: String(JSON.parse(body).token), key }) : null;
    if (said !== null)
      return void response.writeHead(said.status, { 'content-type': 'application/json' }).end(said.body);
    const rest = Object.entries(request.headers).filter(([name]) => !ofTheConnection.includes(name));
    const answer = await fetch(`${providerUrl}${url}`, {
      method,
      headers: rest.map(([name, value]): [string, string] => [name, String(value)]),
      ...(body === '' ? {} : { body }),
    }).catch(() => null);
    if (answer === null) return void response.destroy();
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(await answer.text());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard: () => heard,
    say(next: LooseTongue): void {
      tongue = next;
    },
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const ofTheConnection = ['host', 'connection', 'content-length', 'transfer-encoding'];

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
