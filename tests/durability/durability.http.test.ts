import { expect, test } from 'vitest';
import { seedOf } from '../harness/world.ts';
import { faultsOf } from '../prove/part.ts';
import { durabilityPart } from './part.ts';

test('no acknowledged order is lost when PostgreSQL is killed, and killed again while it recovers', async () => {
  const told: string[] = [];
  const seed = seedOf('durability');
  const report = await durabilityPart.run({ scale: 'bounded', seed, progress: (line) => told.push(line) });
  expect(faultsOf(report), told.join('\n')).toEqual([]);
  expect(report.figures['acknowledged orders lost']).toBe(0);
}, 240_000);
