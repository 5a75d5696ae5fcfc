import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { judgedUnplanted } from '../judges/judges.ts';
import type { Part, PartReport, ProveContext, Scale } from '../prove/part.ts';
import { faultClasses } from './fault-classes.ts';
import { keepSeed, keptSeeds } from './kept-seeds.ts';
import type { Answer } from './thread.ts';
import { startThreads, type Threads } from './threads.ts';

/** How many worlds, in which time at most, in how many threads. */
type Extent = { readonly worldsMax: number; readonly durationMs: number; readonly threads: number };

const extents: Readonly<Record<Scale, Extent>> = {
  full: { worldsMax: 1_000_000, durationMs: 60_000, threads: Math.min(availableParallelism(), 4) },
  bounded: { worldsMax: 250, durationMs: 60_000, threads: 1 },
};

/** One in so many worlds is played a second time, and must give the same trace. */
const playedTwiceEvery = 50;

export const simulationPart: Part = {
  name: 'simulation',
  tries:
    'plays thousands of small shops in virtual time, with everything lost, late, doubled or killed that can be, and ' +
    'holds what buyers were told, what our tables say and what the payment provider has against each other',
  run: (context) => simulate(context, extents[context.scale]),
};

/** Plays the seeds that are kept, then worlds from the seed on, one after the other, until the time is over. */
export async function simulate(context: ProveContext, extent: Extent): Promise<PartReport> {
  const startedAt = Date.now();
  const threads = startThreads(extent.threads);
  const tally = newTally();
  try {
    const kept = keptSeeds().map(({ seed }) => seed);
    await playAndCount(threads, kept, tally, context, () => true);
    const isTime = (): boolean => Date.now() - startedAt < extent.durationMs && tally.violations.length < violationsMax;
    await playAndCount(threads, seedsFrom(context.seed, extent.worldsMax), tally, context, isTime);
    await playAgain(threads, tally, context);
  } finally {
    await threads.stop();
  }
  for (const { seed, violations } of tally.broken) {
    const found = violations.map(({ promise, says }) => `promise ${promise}: ${says}`).join('; ');
    keepSeed({ seed, commit: await commitOf(), found });
    context.progress(`seed ${seed} breaks a promise; it is kept in tests/simulation/seeds.txt`);
  }
  return report(context, tally, Date.now() - startedAt);
}

/** With more the run says nothing new. */
const violationsMax = 20;

function* seedsFrom(first: number, count: number): Iterable<number> {
  for (let index = 0; index < count; index += 1) yield first + index;
}

type Tally = {
  worlds: number;
  readonly sums: Map<string, number>;
  /** In how many worlds there was any of it. */
  readonly worldsWith: Map<string, number>;
  readonly hashes: Map<number, string>;
  readonly broken: Answer[];
  readonly violations: { promise: number; subject: string; says: string; where: string }[];
  playedTwice: number;
};

function newTally(): Tally {
  return {
    worlds: 0,
    sums: new Map(),
    worldsWith: new Map(),
    hashes: new Map(),
    broken: [],
    violations: [],
    playedTwice: 0,
  };
}

async function playAndCount(
  threads: Threads,
  seeds: Iterable<number>,
  tally: Tally,
  context: ProveContext,
  isTime: () => boolean,
): Promise<void> {
  let saidAt = Date.now();
  await threads.playAll(seeds, (played) => {
    count(tally, played);
    if (Date.now() - saidAt > 5_000) {
      saidAt = Date.now();
      context.progress(`${tally.worlds} worlds, ${tally.sums.get('acknowledged orders') ?? 0} orders`);
    }
    return isTime() ? 'more' : 'enough';
  });
}

function count(tally: Tally, played: Answer): void {
  tally.worlds += 1;
  if (tally.worlds % playedTwiceEvery === 1) tally.hashes.set(played.seed, played.traceHash);
  for (const [name, figure] of Object.entries(played.figures)) {
    tally.sums.set(name, (tally.sums.get(name) ?? 0) + figure);
    tally.worldsWith.set(name, (tally.worldsWith.get(name) ?? 0) + 1);
  }
  if (played.violations.length === 0) return;
  tally.broken.push(played);
  const where = `simulation, seed ${played.seed}`;
  tally.violations.push(...played.violations.map((violation) => ({ ...violation, where })));
}

/** A world that does not repeat cannot be looked into: that is as bad as a broken promise. */
async function playAgain(threads: Threads, tally: Tally, context: ProveContext): Promise<void> {
  await threads.playAll(tally.hashes.keys(), (played) => {
    tally.playedTwice += 1;
    if (played.traceHash !== tally.hashes.get(played.seed)) {
      const where = `simulation, seed ${played.seed}`;
      tally.violations.push({ promise: 0, subject: 'the simulation', says: 'a second play had another trace', where });
    }
    return 'more';
  });
  context.progress(`${tally.playedTwice} of ${tally.worlds} worlds were played twice`);
}

function report({ seed }: ProveContext, tally: Tally, tookMs: number): PartReport {
  const sum = (name: string): number => tally.sums.get(name) ?? 0;
  const worldsWith = (fault: string): number => tally.worldsWith.get(`fault ${fault}`) ?? 0;
  const struck = Object.fromEntries(faultClasses.map((name) => [`worlds with ${name}`, worldsWith(name)]));
  const faults = [...tally.sums].reduce((total, [name, hits]) => total + (name.startsWith('fault ') ? hits : 0), 0);
  const figures: Record<string, number> = {
    worlds: tally.worlds,
    'worlds a minute': Math.round((tally.worlds + tally.playedTwice) / (tookMs / 60_000)),
    'worlds played twice': tally.playedTwice,
    operations: sum('calls'),
    'acknowledged orders': sum('acknowledged orders'),
    confirmed: sum('confirmed'),
    cancelled: sum('cancelled'),
    kills: sum('fault process:killed'),
    faults,
    recoveries: sum('fault lease:expired'),
    'dead letters': sum('dead letters'),
    statements: sum('exchanges'),
    'virtual hours': Math.round(sum('virtual seconds') / 3_600),
    ...struck,
  };
  const floor = (figure: string, least: number) => ({ figure, least, had: figures[figure] ?? 0 });
  const share = Math.max(1, Math.floor(tally.worlds / 200));
  const floors = [
    floor('worlds', 100),
    floor('worlds played twice', 2),
    floor('acknowledged orders', tally.worlds),
    floor('confirmed', Math.floor(tally.worlds / 2)),
    floor('cancelled', Math.floor(tally.worlds / 4)),
    floor('recoveries', Math.floor(tally.worlds / 10)),
    ...Object.keys(struck).map((figure) => floor(figure, share)),
  ];
  return { seed, figures, floors, violations: tally.violations, judged: judgedUnplanted };
}

async function commitOf(): Promise<string> {
  const asked = await promisify(execFile)('git', ['rev-parse', '--short=12', 'HEAD']).catch(() => ({ stdout: '' }));
  return asked.stdout.trim() || 'unknown';
}
