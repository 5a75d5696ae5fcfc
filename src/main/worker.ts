import { parseArgs } from 'node:util';
import { type QueueName, queueNames } from '../messaging/queues.ts';
import { createWaker, wakeChannel } from '../messaging/waker.run.ts';
import type { Circuit } from '../operations/metrics.run.ts';
import { Secret } from '../shared/secret.ts';
import {
  healthOf,
  metricsOf,
  openDatabase,
  type ProcessContext,
  runProcess,
  type Stoppable,
  serveHealth,
} from './process.ts';
import { buildHandlers, buildProviders, buildWorker, circuitsOf, processName } from './wiring.ts';

export type WorkerSettings = {
  readonly providerUrl: string;
  readonly providerApiKey: Secret;
  readonly queues: readonly QueueName[];
  readonly connectionsMax: number;
  /** Where probes are answered; 0 for nowhere. */
  readonly healthPort: number;
};

/** `onetill worker [--queues a,b]`: takes messages, runs saga steps and their consequences. Any number may run. */
export async function run(argv: readonly string[]): Promise<number> {
  const queues = queuesOf(argv);
  if (typeof queues === 'string') {
    process.stderr.write(`\n${queues}\n`);
    return 2;
  }
  return await runProcess('worker', async (context, values) => {
    return await startWorkerProcess(context, {
      providerUrl: values.providerUrl,
      providerApiKey: new Secret(values.providerApiKey),
      queues,
      connectionsMax: Number(values.connections),
      healthPort: Number(values.healthPort),
    });
  });
}

function queuesOf(argv: readonly string[]): readonly QueueName[] | string {
  const { values } = parseArgs({ args: [...argv], options: { queues: { type: 'string' } }, strict: false });
  if (typeof values.queues !== 'string') return queueNames;
  const named = values.queues.split(',').map((name) => name.trim());
  const unknown = named.filter((name) => !(queueNames as readonly string[]).includes(name));
  if (unknown.length === 0) return named as QueueName[];
  return `There is no queue ${unknown.join(', ')}. The queues are ${queueNames.join(', ')}.`;
}

export async function startWorkerProcess(
  context: ProcessContext,
  settings: WorkerSettings,
): Promise<Stoppable & { readonly circuits: () => readonly Circuit[] }> {
  const database = openDatabase(context, 'worker', settings.connectionsMax);
  const waker = createWaker(database, (error) => context.log.warn('could not send a wake-up hint', { error }));
  const { outbound, providers } = buildProviders({
    providerUrl: settings.providerUrl,
    apiKey: settings.providerApiKey,
    onCall: (call) => metrics.onCall(call),
  });
  const metrics = metricsOf(context, 'worker', database, () => circuitsOf(outbound));
  const name = processName('worker');
  const built = { database, waker, log: context.log };
  const worker = buildWorker(built, {
    handlers: buildHandlers(built, { providers, actor: name }),
    queues: settings.queues,
    name,
    onTaken: metrics.onTaken,
    onHandled: metrics.onHandled,
  });
  waker.local((queues) => worker.wake(queues));
  const stopListening = await database.listen(wakeChannel, (payload) => worker.wake(payload.split(',')));
  let isStopping = false;
  const health = await serveHealth(
    context,
    settings.healthPort,
    healthOf(database, metrics, () => isStopping),
  );
  return {
    circuits: () => circuitsOf(outbound),
    async stop() {
      isStopping = true;
      await stopListening();
      await worker.stop();
      await outbound.stop();
      await health.stop();
      await database.close();
    },
  };
}
