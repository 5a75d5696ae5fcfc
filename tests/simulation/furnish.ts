import { addFault } from '../../simulators/payment-provider/faults.ts';
import { createInMemoryProvider } from '../../simulators/payment-provider/in-memory.run.ts';
import { receiveWebhook } from '../../src/payments/webhooks.run.ts';
import { toError } from '../../src/shared/failure.ts';
import { createHistory } from '../judges/history.ts';
import type { Violation } from '../judges/judge.ts';
import { chanceOf, idsOf } from './chance.ts';
import { newFigures } from './figures.ts';
import type { Plan } from './plan.ts';
import { isOwnFault } from './process.ts';
import { seedStore, shopRows } from './seed-rows.ts';
import { statements } from './store/statements/all.ts';
import { createStore } from './store/store.ts';
import { createSupervisor } from './supervisor.ts';
import { newTrace } from './trace.ts';
import { type VirtualTime, worldBeginsMs } from './virtual-time.ts';
import { watching } from './watch.ts';
import type { World } from './world.ts';

export type Furnished = {
  readonly world: World;
  readonly suspicions: Violation[];
  /** Every message that was ever committed. */
  readonly messagesWritten: ReadonlyMap<string, { readonly message_id: string; readonly type: string }>;
  start(): void;
  /** Lets time pass until the promise is settled; whoever hangs is left behind. */
  settleIn(promise: Promise<void>): Promise<void>;
};

/** Virtual time must be in force: some of what is planned is set in motion here. */
export function furnish(plan: Plan, time: VirtualTime, options: { readonly keepsTrace: boolean }): Furnished {
  const chance = chanceOf(plan.seed).fork('world');
  const messagesWritten = new Map<string, { message_id: string; type: string }>();
  const store = createStore({
    nowMs: time.nowMs,
    statements,
    onCommitted(table, row) {
      if (table !== 'messages' || row === null) return;
      const { message_id, type } = row as { message_id: string; type: string };
      messagesWritten.set(message_id, { message_id, type });
    },
  });
  seedStore(store, shopRows(plan.skus, new Date(worldBeginsMs)));
  const suspicions: Violation[] = [];
  const figures = newFigures();
  const trace = newTrace({ isKept: options.keepsTrace });
  const sinceBegin = (): number => time.nowMs() - worldBeginsMs;
  const note = (who: string, what: string): void => trace.line(sinceBegin(), who, what);
  const world: World = {
    plan,
    time,
    chance,
    store,
    newId: idsOf(chance.fork('ids'), time.nowMs),
    trace,
    figures,
    history: createHistory(),
    processes: new Set(),
    get provider() {
      return provider;
    },
    get supervisor() {
      return supervisor;
    },
    hasFaults: () => sinceBegin() < plan.faultsEndMs,
    isAway: () =>
      plan.restarts.some(({ atMs, durationMs }) => sinceBegin() >= atMs && sinceBegin() < atMs + durationMs),
    note,
    hit: (fault) => figures.count(`fault ${fault}`),
    watch: watching(store, figures),
    suspect(error, where) {
      if (!isOwnFault(error)) return;
      suspicions.push({ promise: 0, subject: where, says: `${error.name}: ${error.message}` });
    },
  };
  const provider = createProvider(world);
  const supervisor = createSupervisor(world);
  return {
    world,
    suspicions,
    messagesWritten,
    start() {
      supervisor.startAll();
      for (const { fromMs, ...order } of plan.providerFaults) {
        time.after(fromMs, () => void addFault(provider.faults, world.newId(), order));
      }
      for (const { atMs } of plan.restarts) time.after(atMs, () => restartDatabase(world));
    },
    async settleIn(promise) {
      let isSettled = false;
      void promise.finally(() => {
        isSettled = true;
      });
      const patienceMs = 5 * 60_000;
      await time.passUntil(time.nowMs() + patienceMs, () => isSettled);
    },
  };
}

function restartDatabase(world: World): void {
  world.hit('database:restarted');
  world.note('database', 'restarts');
  for (const process of world.processes) process.cut();
}

/** As long as the provider's own poster waits for an answer. */
const webhookTimeoutMs = 10_000;

function createProvider(world: World): World['provider'] {
  const chance = world.chance.fork('provider');
  const sent: { eventId: string; body: string }[] = [];

  async function post(eventId: string, body: string): Promise<boolean> {
    await world.time.wait(chance.between(0, 20));
    const apis = world.supervisor.apis();
    if (apis.length === 0) return false;
    const { process, built } = chance.pick(apis);
    const event = { provider: 'simulated', eventId, body: JSON.parse(body) as unknown, traceparent: null };
    const received = process
      .mayGoOn('before')
      .then(() => receiveWebhook(built, event))
      .then((refusal) => refusal === null)
      .catch((thrown: unknown) => {
        world.suspect(toError(thrown), `${process.name}: webhook`);
        return false;
      });
    const taken = await Promise.race([
      received,
      process.died.then(() => false),
      world.time.wait(webhookTimeoutMs).then(() => false),
    ]);
    world.note(process.name, `webhook ${eventId} ${taken ? 'taken' : 'not taken'}`);
    return taken;
  }

  /** The same again and again, and what was sent long ago once more: the receiver must not care. */
  function storm(eventId: string, body: string): void {
    sent.push({ eventId, body });
    if (!world.hasFaults() || !chance.happens(world.plan.webhookStorm)) return;
    world.hit('webhook:storm');
    for (let copy = 0; copy < 3; copy += 1)
      world.time.after(chance.magnitude(1, 5_000), () => void post(eventId, body));
    const old = chance.pick(sent);
    world.time.after(chance.magnitude(1, 60_000), () => void post(old.eventId, old.body));
  }

  return createInMemoryProvider({
    nowMs: world.time.nowMs,
    newId: world.newId,
    sleep: world.time.wait,
    deadlineMs: world.plan.providerDeadlineMs,
    async onWebhook(eventId, body) {
      storm(eventId, body);
      return await post(eventId, body);
    },
    onError: (error) => world.suspect(error, 'provider'),
  });
}
