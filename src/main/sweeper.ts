import { createWaker } from '../messaging/waker.run.ts';
import { startSweeper } from '../sagas/sweeper.run.ts';
import { openDatabase, type ProcessContext, runProcess, type Stoppable } from './process.ts';
import { processName, runnerOptions, sweeperTasks } from './wiring.ts';

/** A sweeper does one thing at a time per task; more connections would idle. */
const connectionsMax = 3;

/** `onetill sweeper`: deadlines and unknown outcomes. Any number may run; one acts at a time per task. */
export async function run(_argv: readonly string[]): Promise<number> {
  return await runProcess('sweeper', (context) => startSweeperProcess(context));
}

export async function startSweeperProcess(context: ProcessContext): Promise<Stoppable> {
  const database = openDatabase(context, 'sweeper', connectionsMax);
  const waker = createWaker(database, (error) => context.log.warn('could not send a wake-up hint', { error }));
  const options = runnerOptions({ database, waker, log: context.log }, processName('sweeper'));
  const sweeper = startSweeper({ ...options, log: context.log }, sweeperTasks);
  return {
    async stop() {
      await sweeper.stop();
      await database.close();
    },
  };
}
