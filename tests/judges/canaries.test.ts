import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { promises } from '../promises/promises.ts';
import { canaries, faultsOfJudges } from './canaries.ts';
import { cleanEvidence } from './clean-evidence.ts';
import { orderShapes } from './clean-plans.ts';
import type { Judge } from './judge.ts';
import { judgeAll, judges, unjudged } from './judges.ts';

describe('the judges', () => {
  test('every judge finds what is planted for it, and is silent where its promise was kept', () => {
    expect(faultsOfJudges(judges)).toEqual([]);
  });

  test('every promise of the page has a judge, and those of rooms that are not built are named', () => {
    expect(judges.map(({ promise }) => promise)).toEqual(promises.map(({ number }) => number));
    const all = [...judges, ...unjudged].map(({ promise }) => promise);
    expect(all.sort((left, right) => left - right)).toEqual(Array.from({ length: 14 }, (_, index) => index + 1));
  });

  test('each judge stands in the file that the page names', () => {
    for (const { file, promise } of judges) {
      expect(readFileSync(file, 'utf8'), file).toContain(`promise: ${promise},`);
    }
  });

  test('whatever orders a run was made of, no judge speaks of one in which every promise was kept', () => {
    const mixes = fc.array(fc.constantFrom(...orderShapes), { maxLength: 12 });
    fc.assert(
      fc.property(mixes, (shapes) => {
        expect(judgeAll(cleanEvidence(shapes))).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  test('whatever orders it is planted among, each violation is found', () => {
    const more = fc.array(fc.constantFrom(...orderShapes), { maxLength: 8 });
    const mixes = more.chain((some) =>
      fc.shuffledSubarray([...orderShapes, ...some], { minLength: orderShapes.length + some.length }),
    );
    fc.assert(
      fc.property(mixes, (shapes) => {
        expect(faultsOfJudges(judges, canaries, cleanEvidence(shapes))).toEqual([]);
      }),
      { numRuns: 50 },
    );
  });
});

describe('the watch over the judges', () => {
  const [judge] = judges;
  if (judge === undefined) throw new Error('there are no judges');
  const own = canaries.filter(({ promise }) => promise === judge.promise);

  test('a judge that sees nothing is found out', () => {
    const blind: Judge = { ...judge, judge: () => [] };
    expect(faultsOfJudges([blind])).toHaveLength(own.length);
  });

  test('a judge that sees violations of another kind only is found out', () => {
    const squinting: Judge = { ...judge, judge: () => [{ promise: judge.promise, subject: 'x', says: 'something' }] };
    expect(faultsOfJudges([squinting]).join()).toContain('does not see');
  });

  test('a judge that speaks of everything is found out', () => {
    const violation = { promise: judge.promise, subject: 'order x', says: 'is broken' };
    const loud: Judge = { ...judge, judge: (evidence) => [...judge.judge(evidence), violation] };
    expect(faultsOfJudges([loud])).toEqual([expect.stringContaining('broken where it is kept')]);
  });

  test('a judge for which nothing is planted is found out', () => {
    expect(faultsOfJudges([judge], [])).toEqual([expect.stringContaining('0 canaries')]);
  });

  test('a violation that has no place in the evidence is an error, not a success', () => {
    expect(() => faultsOfJudges(judges, canaries, cleanEvidence([]))).toThrow(/to spoil|to take away/);
  });
});
