import { inject, test } from 'vitest';
import { runCell } from './cell.ts';
import { dependencies } from './dependencies.ts';
import { journeys } from './journeys.ts';
import { openLane } from './lane.ts';
import { faultKinds } from './proxy.ts';

test('try it out now', async () => {
  const want = (process.env.CELLS ?? '').split(';').filter(Boolean);
  const cells = dependencies
    .flatMap((dependency) =>
      faultKinds.flatMap((failure) => journeys.map((journey) => ({ dependency, failure, journey }))),
    )
    .filter((c) => want.length === 0 || want.some((w) => `${c.dependency}, ${c.failure}, ${c.journey}`.includes(w)));
  const queue = [...cells];
  let opening: Promise<unknown> = Promise.resolve();
  await Promise.all(
    Array.from({ length: Math.min(Number(process.env.LANES ?? 4), queue.length) }, async (_, i) => {
      const turn = opening.then(() => openLane({ adminUrl: inject('postgresUrl'), seed: 5 + i * 100 }));
      opening = turn.catch(() => {});
      const lane = await turn;
      const known = new Set<string>();
      try {
        for (let cell = queue.shift(); cell; cell = queue.shift()) {
          try {
            const r = await runCell(lane, cell, 7, known);
            console.log(
              r.dependency,
              '|',
              r.failure,
              '|',
              r.journey,
              '|',
              r.met.join('+') || '-',
              '|',
              r.end,
              '| hits',
              r.hits,
              'tries',
              r.tries,
              'answered',
              r.answeredMs,
              'rest',
              r.restMs,
              JSON.stringify(r.violations.slice(0, 3)),
              r.faults.slice(0, 3).join(';'),
            );
          } catch (e) {
            console.log('FAILED', JSON.stringify(cell), String((e as Error).stack).slice(0, 800));
          }
        }
      } finally {
        const t = performance.now();
        await lane.stop();
        console.log('stopped in', performance.now() - t);
      }
    }),
  );
}, 900_000);
