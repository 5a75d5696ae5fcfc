import { parseArgs } from 'node:util';
import { type QueueName, queueNames } from '../messaging/queues.ts';
import { createWaker, wakeChannel } from '../messaging/waker.run.ts';
import { Secret } from '../shared/secret.ts';
import { openDatabase, type ProcessContext, runProcess, type Stoppable } from './process.ts';
import { buildHandlers, buildProviders, buildWorker, processName } from './wiring.ts';

export type WorkerSettings = {
  readonly providerUrl: string;
  readonly providerApiKey: Secret;
  readonly queues: readonly QueueName[];
  readonly connectionsMax: number;
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

export async function startWorkerProcess(context: ProcessContext, settings: WorkerSettings): Promise<Stoppable> {
  const database = openDatabase(context, 'worker', settings.connectionsMax);
  const waker = createWaker(database, (error) => context.log.warn('could not send a wake-up hint', { error }));
  const { outbound, providers } = buildProviders({
    providerUrl: settings.providerUrl,
    apiKey: settings.providerApiKey,
  });
  const name = processName('worker');
  const built = { database, waker, log: context.log };
  const worker = buildWorker(built, {
    handlers: buildHandlers(built, { providers, actor: name }),
    queues: settings.queues,
    name,
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
