import { expect, test } from 'vitest';
import { layGround, quickPace } from '../../bench/ground.ts';
import { measureSoak } from '../../bench/soak.ts';

const soakMinutes = 0.5;
/** Of medians of a few seconds on a machine that does other things too; the hour of the bench is held to 1.1. */
const growthMax = 1.5;
const processMibMax = 400;

type Sample = { readonly apiMib: number; readonly workerMib: number };

test('at half load neither memory nor the queue table grows, and every order is in the books', async () => {
  const ground = await layGround({ ...quickPace, soakMinutes });
  try {
    // Throws if the queues do not drain, or if a sum of the books is not that of its parts.
    const { wants, figures } = await measureSoak(ground);
    const samples = figures.samples as readonly Sample[];
    expect(samples.length).toBeGreaterThanOrEqual(8);
    expect(wants.length).toBeGreaterThanOrEqual(3);
    for (const { what, had } of wants) expect([what, Number(had) <= growthMax]).toEqual([what, true]);
    for (const { apiMib, workerMib } of samples) {
      expect(apiMib).toBeGreaterThan(0);
      expect(Math.max(apiMib, workerMib)).toBeLessThan(processMibMax);
    }
  } finally {
    await ground.stop();
  }
}, 240_000);
