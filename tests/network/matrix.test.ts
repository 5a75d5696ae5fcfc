import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { resiliencyPage } from '../../src/main/docs-resiliency.ts';
import type { CellResult } from './cell.ts';
import { dependencies } from './dependencies.ts';
import { faultsOfCell, unmet } from './expected.ts';
import { journeys } from './journeys.ts';
import type { LastMatrix } from './last.ts';
import { allCells, sampleOf } from './matrix.ts';
import { reportOf } from './part.ts';
import { faultKinds } from './proxy.ts';

const good: CellResult = {
  dependency: 'API → PostgreSQL',
  failure: 'black hole',
  journey: 'buy',
  met: ['503'],
  first: 'completed',
  end: 'completed, order confirmed',
  hits: 3,
  tries: 2,
  answeredMs: 3_456,
  restMs: 600,
  operations: 4,
  violations: [],
  faults: [],
};

test('a cell in which anything differs from what must be seen fails with what was seen', () => {
  expect(faultsOfCell(good)).toEqual([]);
  expect(faultsOfCell({ ...good, first: 'complete_in_progress' })).toEqual([]);
  expect(faultsOfCell({ ...good, met: ['503', 'silence'] })).toEqual([
    'the buyer met "silence", where only [503] may be met',
  ]);
  expect(faultsOfCell({ ...good, met: ['500'] })).toEqual(['the buyer met "500", where only [503] may be met']);
  expect(faultsOfCell({ ...good, end: 'completed, order cancelled' })).toEqual([
    'it ended as "completed, order cancelled" and not as "completed, order confirmed"',
  ]);
  expect(faultsOfCell({ ...good, first: 'payment_failed' })).toEqual([
    'the first answer was "payment_failed", and not completed or complete_in_progress',
  ]);
  const refused = { ...good, journey: 'out of stock', end: 'out_of_stock, no order' } as const;
  expect(faultsOfCell({ ...refused, first: 'complete_in_progress' })).toHaveLength(1);
  const violation = { promise: 2, subject: 'order o1', says: 'two charges' };
  expect(faultsOfCell({ ...good, violations: [violation] })).toEqual(['promise 2, order o1: two charges']);
  expect(faultsOfCell({ ...good, faults: ['the API answered 500 to GET /x'] })).toHaveLength(1);
});

test('a row in which no buyer met the fault that stands in the way of each is named', () => {
  expect(unmet([{ ...good, met: [] }, good])).toEqual([]);
  expect(unmet([{ ...good, met: [] }])).toEqual(['API → PostgreSQL, black hole: no buyer met "503"']);
});

test('a run whose faults hit nothing stays under its floors, and what is broken is reported with its promise', () => {
  const broken = ['a cell: promise 2, order o1: two charges', 'a cell: the API answered 500 to GET /x'];
  const report = reportOf({ results: [{ ...good, hits: 0 }], broken }, 7, 'bounded');
  expect(report.violations.map(({ promise }) => promise)).toEqual([2, 5]);
  const under = report.floors.filter(({ least, had }) => had < least).map(({ figure }) => figure);
  expect(under).toEqual(expect.arrayContaining(['cells that were hit', 'kinds of failures', 'recoveries']));
});

test('a sample has every dependency and journey, each failure as often, and follows from its seed', () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const sample = sampleOf(seed, 24);
    expect(new Set(sample).size).toBe(24);
    expect(new Set(sample.map(({ dependency }) => dependency)).size).toBe(dependencies.length);
    for (const kind of faultKinds) {
      expect(sample.filter(({ failure }) => failure === kind)).toHaveLength(24 / faultKinds.length);
    }
    expect(new Set(sample.map(({ journey }) => journey)).size).toBe(journeys.length);
    expect(sampleOf(seed, 24)).toEqual(sample);
  }
  expect(sampleOf(1, 24)).not.toEqual(sampleOf(2, 24));
});

test('the run on record has every cell of the matrix, and each is what it must be', () => {
  const last = JSON.parse(readFileSync('tests/network/last.json', 'utf8')) as LastMatrix;
  const results = last.cells.map((cell) => ({ ...cell, operations: 0, violations: [], faults: [] }));
  expect(results.map(({ dependency, failure, journey }) => ({ dependency, failure, journey }))).toEqual(allCells);
  expect(allCells.length).toBeGreaterThanOrEqual(7 * 6 * 5);
  expect(results.flatMap(faultsOfCell)).toEqual([]);
  expect(unmet(results)).toEqual([]);
});

test('the page of the matrix shows what each buyer met, was told, and where the order went', () => {
  const kept = [good, { ...good, journey: 'decline', met: [], first: 'complete_in_progress', hits: 0 } as const];
  const page = resiliencyPage({ seed: 9, cells: kept });
  expect(page).toContain(
    '| black hole | 3 | 503, then completed, order confirmed | (in progress, then completed, order confirmed) |',
  );
  expect(page).toContain('All 2 cells held in the last full run (seed 9). In 1 of them the fault hit something,');
  expect(resiliencyPage(null)).toContain('No full run is on record');
});
