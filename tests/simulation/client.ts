import { toError } from '../../src/shared/failure.ts';
import { type Told, unknown } from '../judges/answers.ts';
import type { ClientCall } from '../judges/evidence.ts';
import type { Chance } from './chance.ts';
import { type Ask, answerOf, faultOf } from './front-door.ts';
import { isOwnFault } from './process.ts';
import type { RunningApi, World } from './world.ts';

export type CallTerms = {
  readonly key: string | null;
  readonly requestSha256: Buffer;
  readonly seenTotalMinor?: bigint | null;
  readonly saysVersion?: boolean;
  readonly waitMs?: number;
};

/** A client over a network that delays and loses: it writes down what it asks and what it is told, and never throws. */
export type Client = {
  /** Asks once. An answer that does not come in time is unknown, and what was asked goes on all the same. */
  ask(ask: Ask, terms: CallTerms): Promise<Told>;
  /** Asks until it knows, each time under the same key. */
  insist(ask: Ask, terms: CallTerms): Promise<Told>;
};

const timeoutMs = 12_000;
const triesMax = 60;

export function createClient(world: World, name: string, chance: Chance): Client {
  async function ask(asked: Ask, terms: CallTerms): Promise<Told> {
    const end = world.history.begin(begunOf(name, asked, terms));
    const told = await exchange(asked, terms);
    world.note(name, `is told ${asked.operation} ${terms.key ?? ''} ${wordsOf(told)}`);
    end(told.outcome);
    return told;
  }

  async function exchange(asked: Ask, terms: CallTerms): Promise<Told> {
    await world.time.wait(chance.between(0, 15));
    const apis = world.supervisor.apis();
    if (apis.length === 0) return unknown('connection refused', null);
    const told = await answered(chance.pick(apis), asked, terms.waitMs ?? 0);
    if (!chance.happens(world.hasFaults() ? world.plan.habits.repliesLost : 0)) return told;
    world.hit('client:reply-lost');
    return unknown('the reply was lost', null);
  }

  async function answered(api: RunningApi, asked: Ask, waitMs: number): Promise<Told> {
    const { process } = api;
    const work = process
      .mayGoOn('before')
      .then(() => asked.work(api.desk))
      .then(
        (view) => answerOf(asked.operation, view),
        (thrown: unknown) => {
          const error = toError(thrown);
          world.note(process.name, `fails ${asked.operation}: ${error.message}`);
          if (isOwnFault(error)) world.suspect(error, `${process.name}: ${asked.operation}`);
          return faultOf(error);
        },
      );
    return await new Promise((resolve) => {
      const forget = world.time.after(timeoutMs + waitMs, () => finish(unknown('timeout', null)));
      const finish = (told: Told): void => {
        forget();
        resolve(told);
      };
      void work.then(finish);
      void process.died.then(() => finish(unknown('connection reset', null)));
    });
  }

  return {
    ask,
    async insist(asked, terms) {
      for (let tries = 1; ; tries += 1) {
        const told = await ask(asked, terms);
        if (told.outcome.kind !== 'unknown' || tries >= triesMax) return told;
        world.figures.count('retries');
        await world.time.wait(chance.magnitude(20, Math.min(20_000, 200 * 2 ** tries)));
      }
    },
  };
}

function begunOf(client: string, { operation, caller, checkoutId }: Ask, terms: CallTerms): Begun {
  return {
    client,
    callerId: caller.callerId,
    operation,
    idempotencyKey: terms.key,
    ...(terms.saysVersion === undefined ? {} : { saysVersion: terms.saysVersion }),
    requestSha256: terms.requestSha256.toString('hex'),
    checkoutId,
    seenTotalMinor: terms.seenTotalMinor ?? null,
  };
}

type Begun = Omit<ClientCall, 'number' | 'outcome' | 'begunWhenEnded'>;

function wordsOf({ outcome }: Told): string {
  switch (outcome.kind) {
    case 'ok':
      return `${outcome.checkoutStatus} ${outcome.orderId ?? ''} ${outcome.answerSha256.slice(0, 8)}`;
    case 'refused':
      return `refused: ${outcome.code}`;
    default:
      return `nothing: ${outcome.reason}`;
  }
}
