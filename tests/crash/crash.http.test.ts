import { expect, test } from 'vitest';
import { faultsOf } from '../prove/part.ts';
import { crashMatrixOf } from './matrix.ts';

/** CRASH_ONLY='late webhook: sweeper' tries all cases of that name again, SEED those of a sample that failed. */
const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 1_000_000));
const only = process.env.CRASH_ONLY;
const withinMs = only === undefined ? 600_000 : 3_600_000;

test(
  'whatever process dies at whatever call, what was begun is carried to its end and every promise is kept',
  async () => {
    const told: string[] = [`crash matrix: SEED=${seed}`];
    const part = crashMatrixOf(only === undefined ? {} : { only });
    const report = await part.run({ scale: 'bounded', seed, progress: (line) => told.push(line) });
    const faults = faultsOf(report);
    expect(faults, told.join('\n')).toEqual([]);
  },
  withinMs,
);
