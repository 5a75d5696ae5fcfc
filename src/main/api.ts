import { createServer } from 'node:net';
import { createWaker } from '../messaging/waker.run.ts';
import { Secret } from '../shared/secret.ts';
import { readArguments } from './arguments.ts';
import { healthOf, metricsOf, openDatabase, type ProcessContext, runProcess, type Stoppable } from './process.ts';
import { buildApi } from './wiring.ts';

export type ApiSettings = {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Null: the address that it listens on. */
  readonly publicUrl: string | null;
  readonly shopUrl: string;
  /** Whose products are listed for those who bring no key; null for nobody's. */
  readonly publicMerchantId: string | null;
  readonly webhookSecrets: readonly Secret[];
  readonly connectionsMax: number;
};

/** Requests that run when the stop comes have this long to end. */
const drainGraceMs = 8_000;

/** `onetill api`: HTTP in. Any number may run on one database. */
export async function run(argv: readonly string[]): Promise<number> {
  if (readArguments('api', argv) === null) return 2;
  return await runProcess('api', async (context, values) => {
    return await startApiProcess(context, {
      host: values.host,
      port: Number(values.port),
      publicUrl: values.publicUrl,
      shopUrl: values.shopUrl,
      publicMerchantId: null,
      webhookSecrets: values.webhookSecrets.split(',').map((secret) => new Secret(secret.trim())),
      connectionsMax: Number(values.connections),
    });
  });
}

export async function startApiProcess(
  context: ProcessContext,
  settings: ApiSettings,
): Promise<Stoppable & { readonly url: string }> {
  const database = openDatabase(context, 'api', settings.connectionsMax);
  const waker = createWaker(database, (error) => context.log.warn('could not send a wake-up hint', { error }));
  const metrics = metricsOf(context, 'api', database);
  let isStopping = false;
  const port = settings.port === 0 ? await freePort(settings.host) : settings.port;
  const url = `http://${settings.host.includes(':') ? `[${settings.host}]` : settings.host}:${port}`;
  const inbound = buildApi(
    { database, waker, log: context.log },
    {
      publicUrl: settings.publicUrl ?? url,
      shopUrl: settings.shopUrl,
      publicMerchantId: settings.publicMerchantId,
      webhookSources: [{ provider: 'simulated', secrets: settings.webhookSecrets }],
      health: healthOf(context, database, metrics, () => isStopping),
    },
  );
  try {
    await inbound.server.listen({ port, host: settings.host });
  } catch (error) {
    await database.close();
    throw error;
  }
  context.log.info('listening', { port });
  return {
    url,
    async stop() {
      isStopping = true;
      await inbound.drain(drainGraceMs);
      await database.close();
    },
  };
}

/** The address is part of what the API says of itself, so it is known before it listens. */
export function freePort(host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, host, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
