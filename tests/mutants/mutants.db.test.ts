import { expect, inject, test } from 'vitest';
import { seedOf } from '../harness/world.ts';
import { campaign, faultsOf } from './campaign.ts';
import { someOf } from './part.ts';

test('some mutants, chosen by a seed, are caught by the tests that are to catch them', async () => {
  const chosen = someOf(seedOf('mutants'), 4);
  const ran = await campaign(chosen, { postgresUrl: inject('postgresUrl'), onProgress: (line) => console.info(line) });
  expect(faultsOf(ran)).toEqual([]);
  expect(ran.tried).toHaveLength(4);
}, 300_000);
