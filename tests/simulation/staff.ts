import { createDesk } from '../../src/checkout/desk.run.ts';
import { rulesScreen } from '../../src/fraud/rules.ts';
import type { FraudScreen } from '../../src/fraud/screen.ts';
import { buildHandlers, runnerOptions, sweeperTasks } from '../../src/main/wiring.ts';
import { startEventFeed } from '../../src/messaging/event-feed.run.ts';
import { type QueueName, type QueueSettings, queueNames } from '../../src/messaging/queues.ts';
import { createWaker, wakeChannel } from '../../src/messaging/waker.run.ts';
import { startWorker } from '../../src/messaging/worker.run.ts';
import { createOutcomeWatch } from '../../src/orders/outcome-watch.run.ts';
import { orderTimeline } from '../../src/orders/timeline.sql.ts';
import { startSweeper } from '../../src/sagas/sweeper.run.ts';
import type { Process, Running, RunningApi, World } from './world.ts';

function builtOf(world: World, process: Process) {
  const { database, log } = process;
  const waker = createWaker(database, (error) => log.warn('could not send a wake-up hint', { error }));
  return { database, waker, log, newId: world.newId };
}

export function startApi(world: World, process: Process): RunningApi {
  const built = builtOf(world, process);
  const desk = createDesk({
    ...built,
    watch: createOutcomeWatch(process.database),
    onCommitted: (outcome) => world.figures.count(`commit:${outcome}`),
  });
  return { process, built, desk, async stop() {} };
}

export function startWorkers(world: World, process: Process): Running {
  const { plan } = world;
  const built = builtOf(world, process);
  const handlers = buildHandlers(built, {
    providers: [process.provider],
    screen: screenOf(world, process),
    timings: plan.timings,
    actor: process.name,
  });
  const settings = Object.fromEntries(
    queueNames.map((name): [QueueName, QueueSettings] => [name, { ...plan.queue, why: 'of the seed' }]),
  );
  const worker = startWorker({
    database: built.database,
    handlers,
    queues: queueNames,
    workerName: process.name,
    newId: world.newId,
    random: world.chance.fork(`${process.name} jitter`).share,
    log: process.log,
    pollMs: plan.pollMs,
    settings,
    onHandled: (_, result) => world.figures.count(`handled:${result}`),
  });
  const feed = startEventFeed({
    database: built.database,
    subscribers: [orderTimeline],
    log: process.log,
    pollMs: plan.feedPollMs,
  });
  built.waker.local((queues) => worker.wake(queues));
  void built.database.listen(wakeChannel, (payload) => worker.wake(payload.split(',')));
  return {
    process,
    async stop() {
      await Promise.all([worker.stop(), feed.stop()]);
    },
  };
}

export function startSweepers(world: World, process: Process): Running {
  const built = builtOf(world, process);
  const tasks = sweeperTasks.map((task) => ({ ...task, everyMs: Math.max(task.everyMs, world.plan.sweepEveryMs) }));
  const sweeper = startSweeper({ ...runnerOptions(built, process.name), log: process.log }, tasks);
  return { process, stop: () => sweeper.stop() };
}

/** The rules, at once or behind a remote call that takes its time and fails now and then. */
function screenOf(world: World, process: Process): FraudScreen {
  const rules = rulesScreen(world.plan.rules);
  if (!world.plan.remoteScreen || rules.kind !== 'local') return rules;
  const chance = world.chance.fork(`${process.name} screen`);
  return {
    kind: 'remote',
    name: 'remote',
    async screen(orderId, facts) {
      await process.mayGoOn('before');
      await world.time.wait(chance.magnitude(1, 2_000));
      const isAway = world.hasFaults() && chance.happens(0.3);
      world.note(process.name, `screens ${orderId} ${isAway ? 'in vain' : 'well'}`);
      if (isAway) world.hit('screen:away');
      await process.mayGoOn('after');
      return isAway
        ? { outcome: 'again', reason: 'the screen is away' }
        : { outcome: 'done', value: rules.judge(facts) };
    },
  };
}
