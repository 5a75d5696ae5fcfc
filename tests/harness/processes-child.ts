import { startPaymentProvider } from '../../simulators/payment-provider/server.run.ts';
import * as api from '../../src/main/api.ts';
import * as sweeper from '../../src/main/sweeper.ts';
import * as worker from '../../src/main/worker.ts';
import { createLogger } from '../../src/shared/log.ts';
import type { Asked, Part } from './processes-asks.ts';
import { quicken } from './processes-quick.ts';

/** What a child can be asked for besides to run a part, by name. */
export type Answers = Readonly<Record<string, (what: unknown) => unknown>>;

/**
 * The child's side of processes.ts: waits, with everything loaded, until it is told which part to be, and is that part
 * until it dies. Ends with its parent, whatever ends it.
 */
export function serveAsks(answers: Answers): void {
  if (process.send === undefined) return;
  process.once('disconnect', () => process.exit(0));
  process.on('message', ({ id, name, what }: Asked) => {
    const answer = name === 'run' ? runPart(what as Part) : answers[name]?.(what);
    Promise.resolve(answer).then(
      (value) => process.send?.({ id, value: value ?? null }),
      (error: unknown) => process.send?.({ id, error: String(error) }),
    );
  });
}

const runs = { api: api.run, worker: worker.run, sweeper: sweeper.run };

async function runPart(part: Part): Promise<void> {
  quicken();
  if (part.kind === 'provider') return await runProvider(part.options);
  Object.assign(process.env, part.env);
  void runs[part.kind]([]).then((code) => process.exit(code));
}

/** As simulators/payment-provider/serve.cli.ts does it. */
async function runProvider(options: Extract<Part, { kind: 'provider' }>['options']): Promise<void> {
  const log = createLogger({ process: 'provider', level: 'info' });
  await startPaymentProvider({ ...options, log });
  log.info('ready', { pid: process.pid });
}
