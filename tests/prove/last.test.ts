import { expect, test } from 'vitest';
import { promisesPage } from '../../src/main/docs-promises.ts';
import { judges, unjudged } from '../judges/judges.ts';
import { promises } from '../promises/promises.ts';
import { type LastRun, lastPart, totalOf } from './last.ts';

const last: LastRun = {
  ranAt: '2026-11-21 05:16',
  commit: 'a1b2c3d4e5f6',
  seed: 4711,
  seconds: 1_234,
  machine: { cores: 2, node: '20.20.2', postgres: '18.4' },
  canaries: { 1: 24 },
  parts: [
    {
      name: 'crash',
      tries: 'kills every process at every call',
      seed: 4711,
      seconds: 300,
      figures: { operations: 12_000, kills: 456, 'faults cut': 7, 'faults late': 8 },
      violations: 0,
    },
    {
      name: 'prices',
      tries: 'moves prices',
      seed: 4711,
      seconds: 10,
      figures: { operations: 345, faults: 2, 'faults by class': 99 },
      violations: 0,
      judged: [8],
    },
  ],
};

test('the page of promises shows for each promise its judge and what the last run tried against it', () => {
  const page = promisesPage(promises, judges, unjudged, last);
  const rowOf = (promise: number) => page.split('\n').find((line) => line.startsWith(`| ${promise} | [holds](`));
  expect(rowOf(1)).toMatch(/promise-1-one-answer-per-key\.ts\) every answer .* \| 24 \| 12,000 \| 456 \| 15 \| 0 \|$/);
  expect(rowOf(8)).toMatch(/\| 0 \| 12,345 \| 456 \| 17 \| 0 \|$/);
  expect(page).toContain('with seed 4711: 20 min 34 s\non 2 cores, Node 20.20.2, PostgreSQL 18.4.');
  expect(page).toContain('| crash | kills every process at every call | 300 s | operations 12,000 · kills 456 ·');
  expect(page).not.toContain('No full run is on record');
  expect(page).toContain('13 (reconciliation)');
});

test('without a record the page says that there is none, and shows no figure', () => {
  const page = promisesPage(promises, judges, unjudged, null);
  expect(page).toContain('No full run is on record.');
  expect(page).not.toContain('violations |');
});

test('a total is the figure of its name, or else the sum of its classes, and not of what sounds like it', () => {
  expect(totalOf({ faults: 5, 'faults cut': 3 }, 'faults')).toBe(5);
  expect(totalOf({ 'faults cut': 3, 'late faults': 4, faultsome: 9, 'kinds of faults': 2 }, 'faults')).toBe(7);
  expect(totalOf({ operations: 1 }, 'kills')).toBe(0);
});

test('a part without a report is never kept', () => {
  const end = { kind: 'failed', why: 'it broke' } as const;
  expect(() => lastPart({ name: 'crash', tries: '', seconds: 1, end, leftBehind: [] })).toThrow(
    'has no report to keep',
  );
});
