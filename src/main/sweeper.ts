import { createWaker } from '../messaging/waker.run.ts';
import { startSweeper } from '../sagas/sweeper.run.ts';
import { readArguments } from './arguments.ts';
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
import { processName, runnerOptions, sweeperTasks } from './wiring.ts';

/** A sweeper does one thing at a time per task; more connections would idle. */
const connectionsMax = 3;

/** `onetill sweeper`: deadlines and unknown outcomes. Any number may run; one acts at a time per task. */
export async function run(argv: readonly string[]): Promise<number> {
  if (readArguments('sweeper', argv) === null) return 2;
  return await runProcess('sweeper', (context, values) =>
    startSweeperProcess(context, { port: Number(values.healthPort), host: values.healthHost }),
  );
}

export async function startSweeperProcess(context: ProcessContext, healthAddress: HealthAddress): Promise<Stoppable> {
  const database = openDatabase(context, 'sweeper', connectionsMax);
  const waker = createWaker(database, (error) => context.log.warn('could not send a wake-up hint', { error }));
  const options = runnerOptions({ database, waker, log: context.log }, processName('sweeper'));
  const metrics = metricsOf(context, 'sweeper', database);
  const sweeper = startSweeper({ ...options, log: context.log, onSwept: metrics.onSwept }, sweeperTasks);
  const release = context.loops.watch('sweeper', sweeper.ended);
  let isStopping = false;
  const health = await serveHealth(
    context,
    healthAddress,
    healthOf(context, database, metrics, () => isStopping),
  );
  return {
    async stop() {
      isStopping = true;
      release();
      await sweeper.stop();
      await health.stop();
      await database.close();
    },
  };
}
