import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { mutantsPage } from '../../src/main/docs-mutants.ts';
import { faultsOf } from './campaign.ts';
import { knownBugs, type Mutant, plantedIn } from './mutant.ts';
import { mutants } from './mutants.ts';
import { verdictOf } from './try.ts';

test('each mutant fits exactly once into the code as it is now, and changes it', () => {
  for (const mutant of mutants) {
    const text = readFileSync(mutant.file, 'utf8');
    expect(plantedIn(text, mutant), mutant.name).not.toBe(text);
  }
});

test('each known bug is planted, at least ten of our own are, and names are unique', () => {
  const known = mutants.flatMap(({ bug }) => (bug === 'own' ? [] : [String(bug)]));
  expect([...new Set(known)].sort()).toEqual(Object.keys(knownBugs).sort());
  expect(mutants.filter(({ bug }) => bug === 'own').length).toBeGreaterThanOrEqual(10);
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
});

const mutant: Mutant = {
  name: 'it forgets',
  bug: 'own',
  file: 'src/a.ts',
  from: 'keep()',
  to: '',
  why: 'it is lost',
  caughtBy: { file: 'a.test.ts', test: 'it is kept' },
};

test('a mutant that is out of date, or fits twice, is found out', () => {
  expect(plantedIn('a; keep(); b', mutant)).toBe('a; ; b');
  expect(() => plantedIn('a; b', mutant)).toThrow('"it forgets" fits 0 times into src/a.ts');
  expect(() => plantedIn('keep(); keep()', mutant)).toThrow('fits 2 times');
});

test('only the named test counts, and only what it says by itself', () => {
  const failed = (says: string, fullName = 'it is kept') => ({ fullName, status: 'failed', failureMessages: [says] });
  expect(verdictOf([failed('AssertionError: expected 1 to be 2')], mutant)).toMatchObject({ verdict: 'caught' });
  expect(verdictOf([{ fullName: 'it is kept', status: 'passed' }], mutant)).toEqual({ verdict: 'survived' });
  const nothing = [
    [],
    [failed('AssertionError: no', 'another test')],
    [{ fullName: 'it is kept', status: 'skipped' }],
    [failed('Error: Test timed out in 20000ms.')],
    [failed('SyntaxError: Unexpected token')],
    [failed('')],
  ];
  for (const tests of nothing) expect(verdictOf(tests, mutant).verdict).toBe('unclear');
});

test('where a judge is to find a mutant, that judge must have spoken', () => {
  const judged = { ...mutant, caughtBy: { ...mutant.caughtBy, judges: [2] } };
  const says = (promise: number) => [
    {
      fullName: 'it is kept',
      status: 'failed',
      failureMessages: [`AssertionError: expected [ { promise: ${promise} } ] to deeply equal []`],
    },
  ];
  expect(verdictOf(says(2), judged)).toMatchObject({ verdict: 'caught', promises: [2] });
  expect(verdictOf(says(5), judged).verdict).toBe('unclear');
});

test('a mutant that survives, and a control run that fails, are faults', () => {
  expect(faultsOf({ control: [], tried: [{ mutant, verdict: { verdict: 'survived' } }] })).toEqual([
    'it forgets: survived, though "it is kept" is to catch it',
  ]);
  expect(faultsOf({ control: ['"it is kept" failed'], tried: [] })).toEqual(['"it is kept" failed']);
});

test('the page of mutants tells what caught each, and admits what is not on record', () => {
  const machine = { cores: 2, node: '20.20.2', postgres: '18.4' };
  const caught = [{ name: 'it forgets', promises: [2, 5], afterMs: 1_234 }];
  const last = { ranAt: '2026-11-21 05:16', commit: 'a1b2c3', seconds: 61, machine, caught };
  const row = '| own | [it forgets](../src/a.ts) | it is lost | [it is kept](../a.test.ts)';
  expect(mutantsPage([mutant], knownBugs, last)).toContain(`${row}: the judges of promises 2, 5 | 1.2 s |`);
  const page = mutantsPage([mutant], knownBugs, null);
  expect(page).toContain('No full run is on record.');
  expect(page).toContain('not on record |');
});
