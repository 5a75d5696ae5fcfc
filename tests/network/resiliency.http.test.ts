import { expect, inject, test } from 'vitest';
import { seedOf } from '../harness/world.ts';
import { faultsOf } from '../prove/part.ts';
import { runMatrix, sampleOf } from './matrix.ts';
import { reportOf } from './part.ts';

test('whatever way between two parts is broken, a buyer is answered once and every promise is kept', async () => {
  const seed = seedOf('a sample of the resiliency matrix');
  const cells = sampleOf(seed, 24);
  const ran = await runMatrix({ adminUrl: inject('postgresUrl'), cells, seed, lanes: 6, progress() {} });
  expect(ran.broken).toEqual([]);
  expect(faultsOf(reportOf(ran, seed, 'bounded'))).toEqual([]);
}, 120_000);
