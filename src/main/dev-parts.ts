import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { queueNames } from '../messaging/queues.ts';
import { type Circuit, createMetrics, type Metrics } from '../operations/metrics.run.ts';
import { present } from '../shared/assert.ts';
import { isRefused } from '../shared/failure.ts';
import type { Logger } from '../shared/log.ts';
import { connect } from '../shared/postgres/client.ts';
import { type CannotStart, cannotStart, isCannotStart } from '../shared/postgres/embedded-fault.ts';
import { migrate } from '../shared/postgres/migrate.ts';
import { prefix } from '../storefront-api/ucp/v2026-04-08/version.ts';
import { freePort, startApiProcess } from './api.ts';
import { countProducts, demoMerchant, seedDemoShop } from './demo-shop.sql.ts';
import { devSecrets } from './dev-secrets.ts';
import type { Commands } from './hints.ts';
import { createLoops, type Loops } from './loops.ts';
import { migrationsDirectory } from './migrations.ts';
import { noProbes, type ProcessContext } from './process.ts';
import { startSweeperProcess } from './sweeper.ts';
import { startWorkerProcess } from './worker.ts';

/** What every part of the start command is handed. */
export type DevContext = {
  /** With its password. */
  readonly databaseUrl: string;
  readonly dataDir: string;
  readonly apiPort: number;
  readonly providerPort: number;
  readonly log: Logger;
  /** Shows a line while something takes longer than a second. */
  readonly onProgress: (line: string) => void;
  /** Aborts when the start or the run is being stopped. */
  readonly signal: AbortSignal;
  /** Ends the whole run with this message: for a part that cannot go on. */
  readonly fail: (fault: CannotStart) => void;
  /** How the other commands are typed to find this run. */
  readonly commands: Commands;
};

export type StartedPart = {
  /** One line for the banner, such as an address. Empty: not shown there. */
  readonly detail: string;
  /** Shown in the banner: one command that buys something. */
  readonly tryIt?: string;
  /** Shown in the banner: a command or an address, and what it shows. */
  readonly next?: readonly (readonly [string, string])[];
  /** Where it really listens, for the other commands: port 0 is known only now. */
  readonly addresses?: { readonly apiUrl?: string; readonly providerUrl?: string };
  stop(): Promise<void>;
};

export type Part = {
  /** As the banner and the messages call it. */
  readonly name: string;
  start(): Promise<StartedPart | CannotStart>;
};

const sampleFile = fileURLToPath(new URL('../../data/online-retail/online-retail-40k.csv.gz', import.meta.url));

/** Everything that the start command runs, in the order of starting. It is stopped in the opposite order. */
export function parts(context: DevContext): readonly Part[] {
  const loops = createLoops(context.log);
  void loops.lost.then(context.fail);
  const wired: Wired = { apiPort: context.apiPort, providerUrl: '', metrics: null, circuits: () => [], loops };
  return [
    schema(context),
    catalogue(context),
    metrics(context, wired),
    provider(context, wired),
    worker(context, wired),
    sweeper(context, wired),
    api(context, wired),
  ];
}

function schema(context: DevContext): Part {
  return {
    name: 'schema',
    async start() {
      const database = connect({ url: context.databaseUrl, applicationName: 'onetill migrate', connectionsMax: 1 });
      try {
        const result = await migrate(database, {
          directory: migrationsDirectory,
          onProgress: (name) => context.onProgress(`Migrating the database: ${name}`),
        });
        if (isCannotStart(result)) return result;
        context.log.info('the schema is up to date', { count: result.applied.length });
        await seedDemoShop(database);
      } finally {
        await database.close();
      }
      return { detail: '', stop: async () => {} };
    },
  };
}

function catalogue(context: DevContext): Part {
  return {
    name: 'catalogue',
    async start() {
      const database = connect({ url: context.databaseUrl, applicationName: 'onetill import', connectionsMax: 1 });
      try {
        const { merchantId } = demoMerchant;
        if ((await countProducts(database, merchantId)) === 0) {
          context.onProgress('Importing the sample catalogue …');
          const { importProducts } = await import('../catalog/import.cli.ts');
          const summary = await importProducts({ database, file: sampleFile, merchantId });
          if (isRefused(summary)) return cannotStart(summary.message, 'Is the checkout complete? Clone it again.');
        }
        return {
          detail: `${await countProducts(database, merchantId)} products of the merchant '${merchantId}'`,
          stop: async () => {},
        };
      } finally {
        await database.close();
      }
    },
  };
}

/** What one part tells those that start after it. */
type Wired = {
  /** With port 0 the system chooses; the simulator must know where its webhooks go before the API listens. */
  apiPort: number;
  providerUrl: string;
  metrics: Metrics | null;
  circuits: () => readonly Circuit[];
  /** Of all parts: the API answers the probes for the whole process. */
  readonly loops: Loops;
};

/** One process, one set of counters: three would read the same gauges three times. */
function metrics(context: DevContext, wired: Wired): Part {
  return {
    name: 'metrics',
    async start() {
      const database = connect({ url: context.databaseUrl, applicationName: 'onetill metrics', connectionsMax: 1 });
      wired.metrics = createMetrics({ database, process: 'dev', circuits: () => wired.circuits() });
      return { detail: '', stop: () => database.close() };
    },
  };
}

function processContext(context: DevContext, wired: Wired): ProcessContext {
  const { databaseUrl, log } = context;
  return { databaseUrl, log, metrics: present(wired.metrics, 'the metrics'), loops: wired.loops };
}

function provider(context: DevContext, wired: Wired): Part {
  return {
    name: 'payment provider',
    async start() {
      const { startPaymentProvider } = await import('../../simulators/payment-provider/server.run.ts');
      const secrets = await devSecrets(context.dataDir);
      if (wired.apiPort === 0) wired.apiPort = await freePort('127.0.0.1');
      const simulator = await startPaymentProvider({
        port: context.providerPort,
        dataDir: join(context.dataDir, 'payment-provider'),
        apiKey: secrets.providerApiKey.reveal(),
        controlSecret: secrets.providerControlSecret.reveal(),
        webhookUrl: `http://127.0.0.1:${wired.apiPort}/webhooks/simulated`,
        webhookSecret: secrets.webhookSecret.reveal(),
        log: context.log,
        onLost: (error) => context.fail(booksLost(error)),
      });
      wired.providerUrl = simulator.url;
      return {
        detail: `${simulator.url} (simulated)`,
        addresses: { providerUrl: simulator.url },
        stop: () => simulator.stop(),
      };
    },
  };
}

function booksLost(error: Error): CannotStart {
  return cannotStart(
    `The simulated payment provider cannot write its books: ${error.message}.`,
    'Everything is stopped in order. Look after the disk, and start again: it goes on with what is written.',
  );
}

function worker(context: DevContext, wired: Wired): Part {
  return {
    name: 'worker',
    async start() {
      const secrets = await devSecrets(context.dataDir);
      const started = await startWorkerProcess(processContext(context, wired), {
        providerUrl: wired.providerUrl,
        providerApiKey: secrets.providerApiKey,
        queues: queueNames,
        connectionsMax: 16,
        health: noProbes,
      });
      wired.circuits = started.circuits;
      return { detail: `queues ${queueNames.join(', ')}`, stop: started.stop };
    },
  };
}

function sweeper(context: DevContext, wired: Wired): Part {
  return {
    name: 'sweeper',
    async start() {
      const started = await startSweeperProcess(processContext(context, wired), noProbes);
      return { detail: 'deadlines, unsettled payments, parked undos', stop: started.stop };
    },
  };
}

function api(context: DevContext, wired: Wired): Part {
  return {
    name: 'API',
    async start() {
      const secrets = await devSecrets(context.dataDir);
      const { overDatabase, overApi } = context.commands;
      const started = await startApiProcess(processContext(context, wired), {
        host: '127.0.0.1',
        port: wired.apiPort,
        publicUrl: null,
        shopUrl: 'https://shop.example',
        publicMerchantId: demoMerchant.merchantId,
        webhookSecrets: [secrets.webhookSecret],
        connectionsMax: 16,
      });
      return {
        detail: started.url,
        addresses: { apiUrl: started.url },
        tryIt: await prepareCurl(started.url),
        next: [
          [overDatabase('orders list'), 'the orders'],
          [overDatabase('orders show ID'), 'what happened to one, on one screen'],
          [overApi('replay --orders 200 --rate 20'), 'real invoices, bought through the API'],
          [`${started.url}/products?q=teapot`, 'what is sold'],
          [`${started.url}/openapi.json`, 'the API; /.well-known/ucp for buying agents; /metrics for Prometheus'],
        ],
        stop: started.stop,
      };
    },
  };
}

/** Opens a checkout for a product that is in stock, so that one command is enough to buy it. */
async function prepareCurl(apiUrl: string): Promise<string> {
  const headers = { 'x-api-key': demoMerchant.apiKey, 'content-type': 'application/json' };
  const listed = await fetch(`${apiUrl}/products?q=teapot&in_stock=true&limit=1`, { headers });
  const { products } = (await listed.json()) as { products: readonly { sku: string }[] };
  const body = {
    line_items: [{ item: { id: products[0]?.sku ?? '22423' }, quantity: 1 }],
    buyer: { first_name: 'Ada', last_name: 'Byron', email: `ada.${process.pid}@example.com` },
    fulfillment: {
      methods: [
        {
          type: 'shipping',
          destinations: [
            {
              id: 'home',
              street_address: '12 St James Square',
              address_locality: 'London',
              postal_code: 'SW1Y 4JH',
              address_country: 'GB',
            },
          ],
          selected_destination_id: 'home',
          groups: [{ selected_option_id: 'standard' }],
        },
      ],
    },
  };
  const opened = await fetch(`${apiUrl}${prefix}/checkout-sessions`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  const { id } = (await opened.json()) as { id: string };
  const payment = {
    instruments: [
      {
        id: 'card',
        handler_id: 'simulated',
        type: 'card',
        selected: true,
        credential: { type: 'token', token: 'tok_ok' },
      },
    ],
  };
  return [
    `curl -sS ${apiUrl}${prefix}/checkout-sessions/${id}/complete \\`,
    `  -H 'X-API-Key: ${demoMerchant.apiKey}' -H 'Idempotency-Key: ${id}' -H 'Prefer: wait=10' \\`,
    // The answer has no line break at its end, and the prompt of the shell would stick to it.
    `  -H 'Content-Type: application/json' -d '${JSON.stringify({ payment })}'; echo`,
  ].join('\n');
}
