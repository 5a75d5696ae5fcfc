import { type QueueName, queueNames } from '../messaging/queues.ts';
import { createWaker, wakeChannel } from '../messaging/waker.run.ts';
import type { Circuit } from '../operations/metrics.run.ts';
import { Secret } from '../shared/secret.ts';
import { misused, readArguments } from './arguments.ts';
import {
  type HealthAddress,
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
  readonly health: HealthAddress;
};

/** `onetill worker [--queues a,b]`: takes messages, runs saga steps and their consequences. Any number may run. */
export async function run(argv: readonly string[]): Promise<number> {
  const given = readArguments('worker', argv, { queues: { type: 'string' } });
  if (given === null) return 2;
  const queues = queuesOf(given.queues);
  if (typeof queues === 'string') return misused(queues);
  return await runProcess('worker', async (context, values) => {
    return await startWorkerProcess(context, {
      providerUrl: values.providerUrl,
      providerApiKey: new Secret(values.providerApiKey),
      queues,
      connectionsMax: Number(values.connections),
      health: { port: Number(values.healthPort), host: values.healthHost },
    });
  });
}

function queuesOf(text: string | undefined): readonly QueueName[] | string {
  if (text === undefined) return queueNames;
  const named = text.split(',').map((name) => name.trim());
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
  const release = context.loops.watch('worker', worker.ended);
  waker.local((queues) => worker.wake(queues));
  const stopListening = await database.listen(wakeChannel, (payload) => worker.wake(payload.split(',')));
  let isStopping = false;
  const health = await serveHealth(
    context,
    settings.health,
    healthOf(context, database, metrics, () => isStopping),
  );
  return {
    circuits: () => circuitsOf(outbound),
    async stop() {
      isStopping = true;
      release();
      await stopListening();
      await worker.stop();
      await outbound.stop();
      await health.stop();
      await database.close();
    },
  };
}
