import { expect, test } from 'vitest';
import { faultsOf } from '../prove/part.ts';
import { faultClasses } from './fault-classes.ts';
import { parseSeeds } from './kept-seeds.ts';
import { simulate } from './part.ts';
import { planOf } from './plan.ts';
import { startThreads } from './threads.ts';

/** The same worlds in every run, so that what they try is what was seen here. */
const firstSeed = 20_261_121;

test('in simulated worlds with every fault that we know, every promise is kept', async () => {
  const lines: string[] = [];
  const report = await simulate(
    { scale: 'bounded', seed: firstSeed, progress: (line) => lines.push(line) },
    { worldsMax: 250, durationMs: 240_000, threads: 1 },
  );
  const { worlds, 'acknowledged orders': orders, recoveries, 'worlds a minute': pace } = report.figures;
  console.info(`simulation: ${worlds} worlds, ${orders} orders, ${recoveries} recoveries, ${pace} worlds a minute`);
  expect(faultsOf(report)).toEqual([]);
}, 300_000);

test('the same seed gives the same trace, in whatever thread and after whatever else', async () => {
  const seeds = Array.from({ length: 50 }, (_, index) => firstSeed + 1_000 + index);
  const [forward, backward] = await Promise.all([hashesOf(seeds), hashesOf([...seeds].reverse())]);
  expect(forward.size).toBe(50);
  expect(new Set(forward.values()).size).toBe(50);
  for (const seed of seeds) expect([seed, backward.get(seed)]).toEqual([seed, forward.get(seed)]);
}, 300_000);

async function hashesOf(seeds: readonly number[]): Promise<Map<number, string>> {
  const threads = startThreads(1);
  const hashes = new Map<number, string>();
  try {
    await threads.playAll(seeds, ({ seed, traceHash }) => {
      hashes.set(seed, traceHash);
      return 'more';
    });
  } finally {
    await threads.stop();
  }
  return hashes;
}

test('a plan follows from its seed alone, and seeds that are near each other have other plans', () => {
  const plans = [1, 2, 3, 1].map((seed) =>
    JSON.stringify(planOf(seed), (_, value) => (typeof value === 'bigint' ? `${value}` : value)),
  );
  expect(plans[3]).toBe(plans[0]);
  expect(new Set(plans).size).toBe(3);
});

test('kept seeds are read as they were written, and a line that is none is refused', () => {
  expect(parseSeeds('# a comment\n\n251 a1b2c3 promise 1: told otherwise\n')).toEqual([
    { seed: 251, commit: 'a1b2c3', found: 'promise 1: told otherwise' },
  ]);
  expect(() => parseSeeds('251')).toThrow('not a seed');
  expect(new Set(faultClasses).size).toBe(faultClasses.length);
});
