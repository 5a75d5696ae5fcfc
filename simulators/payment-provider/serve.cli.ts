import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createLogger } from '../../src/shared/log.ts';
import { type PaymentProviderOptions, startPaymentProvider } from './server.run.ts';

/**
 * Runs the simulator as a process of its own: `tsx serve.cli.ts --config FILE`, where the file holds the options as
 * JSON (README.md). Prints its URL as one JSON line once it listens.
 */
const { values } = parseArgs({ options: { config: { type: 'string' } } });
if (values.config === undefined) {
  process.stderr.write('Say where the options are: --config FILE\n');
  process.exitCode = 2;
} else {
  const config = JSON.parse(readFileSync(values.config, 'utf8')) as Omit<PaymentProviderOptions, 'log'>;
  const log = createLogger({ process: 'payment-provider', level: 'warn', fileDescriptor: 2 });
  const provider = await startPaymentProvider({ ...config, log });
  process.stdout.write(`${JSON.stringify({ url: provider.url, pid: process.pid })}\n`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void provider.stop());
}
