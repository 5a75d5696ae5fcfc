import { startPaymentProvider } from '../simulators/payment-provider/server.run.ts';
import { startApiProcess } from '../src/main/api.ts';
import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import { createLoops } from '../src/main/loops.ts';
import { noProbes } from '../src/main/process.ts';
import { startWorkerProcess } from '../src/main/worker.ts';
import { queueNames } from '../src/messaging/queues.ts';
import { createLogger } from '../src/shared/log.ts';
import { Secret } from '../src/shared/secret.ts';
import { startLayers } from './http-layer-routes.ts';
import { benchKeys, connectionsMax, type PartSettings } from './processes.ts';

// Runs one part until the input ends: an input that ends says that the bench has, by whatever cause.
const settings = JSON.parse(process.argv[2] ?? '') as PartSettings;
const started = await start(settings);
process.stdout.write(`${started.url}\n`);
process.stdin.once('end', () => void started.stop().then(() => process.exit()));
process.stdin.resume();

async function start(part: PartSettings): Promise<{ url: string; stop(): Promise<void> }> {
  const log = createLogger({ process: part.part, level: 'error', fileDescriptor: 2 });
  switch (part.part) {
    case 'provider':
      return await startPaymentProvider({ ...benchKeys, port: 0, dataDir: part.dataDir, log });
    case 'worker': {
      const worker = await startWorkerProcess(
        { databaseUrl: part.databaseUrl, log, loops: createLoops(log) },
        {
          providerUrl: part.providerUrl,
          providerApiKey: new Secret(benchKeys.apiKey),
          queues: queueNames,
          connectionsMax,
          health: noProbes,
        },
      );
      return { url: 'no address', stop: worker.stop };
    }
    case 'http-layer':
      return await startLayers();
    case 'api':
      return await startApiProcess(
        { databaseUrl: part.databaseUrl, log, loops: createLoops(log) },
        {
          host: '127.0.0.1',
          port: 0,
          publicUrl: null,
          shopUrl: 'https://shop.example',
          publicMerchantId: demoMerchant.merchantId,
          webhookSecrets: [new Secret(benchKeys.webhookSecret)],
          connectionsMax,
        },
      );
    default:
      return part satisfies never;
  }
}
