import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Database } from '../../src/shared/postgres/client.ts';
import type { Death, Processes, Running } from '../harness/processes.ts';
import { type Part, type ProcessKind, processKinds } from '../harness/processes-asks.ts';
import { createHistory, type History } from '../judges/history.ts';
import type { Point, Tally } from './crash-point.ts';
import { connectPatiently, type Server } from './server.ts';

/**
 * A shop of its own: a database, one process of each kind, a payment provider with its books. A process that dies is
 * replaced at once, by a process that will not die.
 */
export type Lane = {
  readonly name: string;
  readonly database: Database;
  readonly history: History;
  readonly apiUrl: string;
  readonly providerUrl: string;
  /** Has every process count its calls from now on, and the one of the point die there, or so many in a row. */
  arm(orders: Orders): Promise<void>;
  tallies(): Promise<Readonly<Record<ProcessKind, Tally>>>;
  /** Who died since the last arming, in their order. */
  deaths(): readonly LaneDeath[];
  /** Resolves when every process that died has been replaced. */
  whole(): Promise<void>;
  processes(): readonly { readonly name: string; readonly pid: number }[];
  /** What the processes have logged, for a person who looks for a cause. */
  logs(): string;
  close(): Promise<void>;
};

export type Orders = {
  readonly point: Point | null;
  /** How often: the second time it is the process that takes over. */
  readonly deaths: number;
  /** After so many deliveries a message is dead; null: as in production. */
  readonly attemptsMax: number | null;
};

/** What lanes stand on. */
export type Ground = { readonly processes: Processes; readonly server: Server };

export type LaneDeath = Death & { readonly kind: ProcessKind; readonly log: string };

export const secrets = {
  apiKey: 'key-of-the-crash-matrix',
  controlSecret: 'control-of-the-crash-matrix',
  webhookSecret: 'whsec_Y3Jhc2gtbWF0cml4LXdlYmhvb2stc2VjcmV0LTAw',
} as const;

/** Of an API or a worker. With a sweeper's three, a listener and our own two, six lanes stay well below the 100. */
const connectionsMax = 3;

export async function openLane({ processes, server }: Ground, name: string): Promise<Lane> {
  const databaseUrl = await server.createDatabase(name);
  const database = connectPatiently(databaseUrl, 2);
  const dataDir = join(server.folder, name);
  await mkdir(dataDir);
  const ports = { api: await freePort(), provider: await freePort() };
  const parts = partsOf({ databaseUrl, dataDir, ports });
  const running = new Map<ProcessKind, Running>();
  const replacing = new Set<Promise<void>>();
  let deaths: LaneDeath[] = [];
  let orders: Orders = { point: null, deaths: 0, attemptsMax: null };
  let isClosed = false;

  async function start(kind: ProcessKind): Promise<void> {
    const process = await startPatiently(processes, parts[kind]);
    running.set(kind, process);
    await arm(process);
    void process.died.then((death) => {
      if (isClosed) return;
      deaths.push({ ...death, kind, log: process.log() });
      const replaced = start(kind).finally(() => replacing.delete(replaced));
      replacing.add(replaced);
      // Whoever waits for the lane to be whole hears of a failure.
      replaced.catch(() => {});
    });
  }
  async function arm(process: Running): Promise<void> {
    const { point, attemptsMax } = orders;
    const mayDie = process.kind === point?.kind && deathsAt(point, deaths) < orders.deaths;
    await process.ask('arm', { point: mayDie ? point : null, attemptsMax });
  }
  async function whole(): Promise<void> {
    while (replacing.size > 0) await Promise.all(replacing);
  }
  const all = (): Running[] => [...running.values()];
  await Promise.all(processKinds.map(start));
  return {
    name,
    database,
    history: createHistory(),
    apiUrl: `http://127.0.0.1:${ports.api}`,
    providerUrl: `http://127.0.0.1:${ports.provider}`,
    async arm(next) {
      await whole();
      deaths = [];
      orders = next;
      // One that died with its last call may be known to be dead only now.
      await Promise.all(all().map((one) => arm(one).catch(() => whole())));
    },
    async tallies() {
      await whole();
      const entries = await Promise.all(all().map(async (one) => [one.kind, await one.ask<Tally>('tally')] as const));
      return Object.fromEntries(entries) as Record<ProcessKind, Tally>;
    },
    deaths: () => deaths,
    processes: () => all().map(({ kind, pid }) => ({ name: kind, pid })),
    whole,
    logs: () => [...deaths.map(({ log }) => log), ...all().map((one) => one.log())].join('\n'),
    async close() {
      isClosed = true;
      await Promise.allSettled(replacing);
      for (const one of all()) one.kill();
      await Promise.all(all().map((one) => one.died));
      await database.close();
    },
  };
}

/** How many of the deaths are those of the point: a process says in its last words where it dies. */
export function deathsAt(point: Point | null, deaths: readonly LaneDeath[]): number {
  return deaths.filter(({ lastWords }) => lastWords.includes(JSON.stringify(point))).length;
}

/** As an orchestrator does: a process that cannot start, on a machine that has no time for it, is started again. */
async function startPatiently(processes: Processes, part: Part): Promise<Running> {
  const triesMax = 5;
  for (let tries = 1; ; tries += 1) {
    try {
      return await processes.start(part);
    } catch (error) {
      if (tries === triesMax) throw error;
    }
  }
}

function partsOf(given: {
  databaseUrl: string;
  dataDir: string;
  ports: { api: number; provider: number };
}): Readonly<Record<ProcessKind, Part>> {
  const { databaseUrl, dataDir, ports } = given;
  const env = { DATABASE_URL: databaseUrl, DATABASE_CONNECTIONS: String(connectionsMax) };
  const apiUrl = `http://127.0.0.1:${ports.api}`;
  return {
    api: {
      kind: 'api',
      env: {
        ...env,
        PORT: String(ports.api),
        PUBLIC_URL: apiUrl,
        PAYMENT_PROVIDER_WEBHOOK_SECRETS: secrets.webhookSecret,
      },
    },
    worker: {
      kind: 'worker',
      env: {
        ...env,
        PAYMENT_PROVIDER_URL: `http://127.0.0.1:${ports.provider}`,
        PAYMENT_PROVIDER_API_KEY: secrets.apiKey,
      },
    },
    sweeper: { kind: 'sweeper', env },
    provider: {
      kind: 'provider',
      options: {
        ...secrets,
        port: ports.provider,
        dataDir,
        webhookUrl: `${apiUrl}/webhooks/simulated`,
        webhookRetryMs: 100,
      },
    },
  };
}

/**
 * A port that is free now and will be when a killed process is replaced: below those that the system gives out by
 * itself, or a connection out could have it meanwhile.
 */
async function freePort(): Promise<number> {
  const [least, count, triesMax] = [20_000, 12_000, 50];
  for (let tries = 0; tries < triesMax; tries += 1) {
    const port = least + Math.floor(Math.random() * count);
    const isFree = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
  throw new Error(`no free port in ${triesMax} tries`);
}
