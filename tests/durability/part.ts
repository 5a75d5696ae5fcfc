import type { Database } from '../../src/shared/postgres/client.ts';
import { pick, type Random, randomFrom } from '../harness/chance.ts';
import { type HttpShop, openHttpShop } from '../harness/http-shop.ts';
import type { ClientCall, Evidence } from '../judges/evidence.ts';
import { figuresOf } from '../judges/figures.ts';
import type { Violation } from '../judges/judge.ts';
import { judgedAt } from '../judges/judges.ts';
import type { Part, PartReport, ProveContext } from '../prove/part.ts';
import { type KilledServer, startKilledServer, type Victims, victims } from './killed-server.ts';
import { plenty, startBuyers } from './load.ts';

type Plan = {
  readonly kills: number;
  /** Of these, at least so many were followed by another kill that came before the server had recovered. */
  readonly doublesMin: number;
  readonly ordersMin: number;
  readonly buyers: number;
};

const plans: Readonly<Record<ProveContext['scale'], Plan>> = {
  full: { kills: 60, doublesMin: 10, ordersMin: 500, buyers: 12 },
  bounded: { kills: 5, doublesMin: 1, ordersMin: 30, buyers: 8 },
};

/**
 * Acknowledged commits against kill -9 of the database. That a server which may forget is refused in the first place is
 * tried elsewhere: tests/start/processes.db.test.ts starts the processes on one.
 */
export const durabilityPart: Part = {
  name: 'durability',
  tries: 'buyers commit without pause while PostgreSQL is killed with SIGKILL, also while it recovers, again and again',
  async run(context) {
    const plan = plans[context.scale];
    const server = await startKilledServer();
    const shop = await openHttpShop({ databaseUrl: server.url, stock: plenty, apis: 2, workers: 2, sweepers: 1 });
    try {
      const unsafe = await unsafeSettings(shop.database);
      const killed = await killAgainAndAgain(server, shop, plan, context);
      const onProgress = context.progress;
      const { evidence, unrest } = await shop.rest({ withinMs: 120_000, onProgress });
      const where = `seed ${context.seed}`;
      const found = [...unsafe, ...unrest].map((each) => ({ ...each, where }));
      return reportOf(context.seed, plan, evidence, killed, [...found, ...judgedAt(evidence, where)]);
    } finally {
      await shop.stop();
      await server.stop();
    }
  },
};

/** A run on a server that may forget would prove nothing. */
async function unsafeSettings(database: Database): Promise<Violation[]> {
  const settings = await database.query<{ name: string; setting: string }>({
    text: `
      select name, setting from pg_settings where name in ('fsync', 'full_page_writes', 'synchronous_commit')
      order by name limit 3`,
  });
  const on = settings.filter(({ setting }) => setting === 'on').length;
  if (on === 3) return [];
  const says = `it may forget what it has committed: ${JSON.stringify(settings)}`;
  return [{ promise: 1, subject: 'the database', says }];
}

type Killed = {
  readonly kills: Readonly<Record<Victims, number>>;
  readonly whileRecovering: number;
  readonly recoveriesMs: readonly number[];
};

/** Every fourth kill is followed by another one while the server replays its log, up to so long after it began. */
const killsPerDouble = 4;
const replayingMs = 20;

/** From a recovery to the next kill: time for commits, and never so short that it looks like a loop of crashes. */
const betweenMs = { least: 600, most: 2_200 } as const;

async function killAgainAndAgain(
  server: KilledServer,
  shop: HttpShop,
  plan: Plan,
  { seed, progress }: ProveContext,
): Promise<Killed> {
  const random = randomFrom(seed);
  const kills = { [victims[0]]: 0, [victims[1]]: 0 };
  const recoveriesMs: number[] = [];
  let whileRecovering = 0;
  const buyers = startBuyers(shop, plan.buyers, randomFrom(seed + 1));
  try {
    for (let count = 1; count <= plan.kills; count += 1) {
      await pauseBetween(random);
      const whom = pick(random, victims);
      await server.kill(whom);
      kills[whom] = (kills[whom] ?? 0) + 1;
      // One that came too late, because the server was faster, is made up for after the next kill.
      const isDouble = whileRecovering < Math.floor(count / killsPerDouble);
      if (isDouble) {
        const again = pick(random, victims);
        if (await server.killWhileRecovering(again, replayingMs * random())) whileRecovering += 1;
        kills[again] = (kills[again] ?? 0) + 1;
      }
      recoveriesMs.push(await server.recovered());
      const twice = isDouble ? ', and again as it recovered' : '';
      progress(`kill ${count} of ${plan.kills}, of ${whom}${twice}: back after ${recoveriesMs.at(-1)} ms`);
    }
    await pauseBetween(random);
  } finally {
    await buyers.stop();
  }
  return { kills: kills as Killed['kills'], whileRecovering, recoveriesMs };
}

function pauseBetween(random: Random): Promise<void> {
  const { least, most } = betweenMs;
  return new Promise((resolve) => setTimeout(resolve, least + (most - least) * random()));
}

function reportOf(
  seed: number,
  plan: Plan,
  evidence: Evidence,
  { kills, whileRecovering, recoveriesMs }: Killed,
  violations: PartReport['violations'],
): PartReport {
  const acknowledged = acknowledgedOrders(evidence.history);
  const standing = new Set(evidence.ours.orders.map(({ order_id }) => order_id));
  const completes = evidence.history.filter(({ operation }) => operation === 'complete');
  const unknown = completes.filter(({ outcome }) => outcome.kind === 'unknown').length;
  const sum = kills['the postmaster alone'] + kills['every process of the server'];
  const figures = {
    ...figuresOf(evidence),
    kills: sum,
    'kills of the postmaster alone': kills['the postmaster alone'],
    'kills of every process of the server': kills['every process of the server'],
    'killed while recovering': whileRecovering,
    recoveries: recoveriesMs.length,
    'longest recovery, ms': Math.max(0, ...recoveriesMs),
    'acknowledged orders': acknowledged.size,
    'acknowledged orders lost': [...acknowledged].filter((orderId) => !standing.has(orderId)).length,
    'unknown answers to a complete': unknown,
  };
  const floor = (figure: keyof typeof figures, least: number) => ({ figure, least, had: figures[figure] ?? 0 });
  const floors = [
    floor('kills', plan.kills),
    ...(plan.kills < 10 ? [] : victims.map((whom) => floor(`kills of ${whom}`, plan.kills / 4))),
    floor('killed while recovering', plan.doublesMin),
    floor('recoveries', plan.kills),
    floor('acknowledged orders', plan.ordersMin),
    // Without one, no kill has come between a commit and its answer.
    floor('unknown answers to a complete', 1),
  ];
  return { seed, figures, floors, violations };
}

function acknowledgedOrders(history: readonly ClientCall[]): ReadonlySet<string> {
  return new Set(history.flatMap(({ outcome }) => (outcome.kind === 'ok' ? (outcome.orderId ?? []) : [])));
}
