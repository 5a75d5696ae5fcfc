import type { PaymentProvider } from '../../src/payments/provider.ts';
import { Bug } from '../../src/shared/assert.ts';
import type { Logger } from '../../src/shared/log.ts';
import { databaseOver, insideTransaction, sqlState } from '../../src/shared/postgres/client.ts';
import type { Chance } from './chance.ts';
import { forEver, lineOf } from './line.ts';
import { memoryPool } from './store/memory-pool.ts';
import { inShort } from './trace.ts';
import type { Process, World } from './world.ts';

export function createProcess(
  world: World,
  name: string,
  onExchange: (side: 'before' | 'after') => void = () => {},
): Process {
  const chance = world.chance.fork(name);
  let isDead = false;
  let frozen: Promise<void> | null = null;
  let tellDeath = (): void => {};
  const died = new Promise<void>((resolve) => {
    tellDeath = resolve;
  });
  const process: Process = {
    name,
    get isDead() {
      return isDead;
    },
    died,
    get database() {
      return database;
    },
    get provider() {
      return provider;
    },
    log: logOf(world, name),
    async mayGoOn(side) {
      onExchange(side);
      while (frozen !== null) await frozen;
      if (isDead) await forEver();
    },
    kill() {
      isDead = true;
      world.note(name, 'is killed');
      world.processes.delete(process);
      pool.cut();
      tellDeath();
    },
    freeze(durationMs) {
      world.note(name, `is frozen for ${durationMs} ms`);
      const thawed = world.time.wait(durationMs).then(() => {
        if (frozen === thawed) frozen = null;
      });
      frozen = thawed;
    },
    cut: () => pool.cut(),
  };
  world.processes.add(process);
  const pool = memoryPool(world.store, lineOf(world, process, chance));
  const database = databaseOver(pool, async (channel, onNotice) => {
    const stop = world.store.listen(channel, (payload) => void deliver(world, process, chance, payload, onNotice));
    return async () => stop();
  });
  const provider = calling(world, process, chance);
  return process;
}

/** A hint comes a moment later, or not at all; to a process that is frozen or dead it does not come. */
async function deliver(
  world: World,
  process: Process,
  chance: Chance,
  payload: string,
  onNotice: (payload: string) => void,
): Promise<void> {
  if (chance.happens(world.hasFaults() ? world.plan.hintsLost : 0)) return world.hit('hint:lost');
  await world.time.wait(chance.between(0, 3));
  await process.mayGoOn('after');
  onNotice(payload);
}

/** The provider as the process calls it: the request may leave and its caller never learn the answer. */
function calling(world: World, process: Process, chance: Chance): PaymentProvider {
  const { provider } = world.provider;
  async function call<Request, Answer extends { outcome: string }>(
    operation: string,
    request: Request,
    send: (request: Request) => Promise<Answer>,
  ): Promise<Answer> {
    // As the outbound client does: a call out holds no locks.
    if (insideTransaction()) throw new Bug(`${operation} was called inside a transaction`);
    await process.mayGoOn('before');
    await world.time.wait(chance.between(1, 20));
    if (process.isDead && chance.happens(0.5)) await forEver();
    const asked = { ...request, token: undefined };
    world.note(process.name, `calls ${operation} ${inShort(asked)}`);
    const answer = await send(request);
    world.note(process.name, `is answered ${operation} ${inShort(asked)} ${inShort(answer)}`);
    await process.mayGoOn('after');
    return answer;
  }
  return {
    name: provider.name,
    authorise: (request) => call('authorise', request, provider.authorise),
    capture: (request) => call('capture', request, provider.capture),
    void: (request) => call('void', request, provider.void),
    refund: (request) => call('refund', request, provider.refund),
    find: (request) => call('find', request, provider.find),
  };
}

/** What a process logs is part of the trace. An assertion that failed is a fault of the project, whatever caused it. */
function logOf(world: World, name: string): Logger {
  const write =
    (level: string) =>
    (message: string, fields: { error?: Error; reason?: string } = {}) => {
      const { error, reason, ...rest } = fields;
      world.note(name, `${level}: ${message} ${inShort({ ...rest, reason, error: error?.message })}`);
      if (error !== undefined) world.suspect(error, `${name}: ${message}`);
    };
  return { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') };
}

/** Errors that no fault of a world can bring about: a failed assertion, or a constraint that had to save the data. */
export function isOwnFault(error: Error): boolean {
  const state = sqlState(error) ?? '';
  return (
    error instanceof Bug || ['TypeError', 'RangeError', 'ReferenceError'].includes(error.name) || /^2[123]/.test(state)
  );
}
