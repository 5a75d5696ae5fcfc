import { describe, expect, test } from 'vitest';
import { isPassed, pointsOf, showPoint, type Tally } from './crash-point.ts';
import type { Journey } from './journey.ts';
import { type Case, chosen, sampled, showCase, shuffled } from './plan.ts';

const shown = (idle: Tally, ...recordings: Tally[]) => pointsOf('worker', idle, recordings).map(showPoint);
const call = (calls: number, finds = calls, traits = {}) => ({ calls, finds, acts: false, follows: false, ...traits });

describe('points of a crash matrix', () => {
  test('every call that a journey makes is a point before and after it', () => {
    expect(shown({}, { lock_order: call(2) })).toEqual([
      'worker dies before lock_order #1',
      'worker dies after lock_order #1',
      'worker dies before lock_order #2',
      'worker dies after lock_order #2',
    ]);
  });

  test('a call that acts elsewhere is a point while it is under way, too', () => {
    expect(shown({}, { 'POST /v1/authorisations': call(1, 1, { acts: true }) })).toEqual([
      'worker dies before POST /v1/authorisations #1',
      'worker dies during POST /v1/authorisations #1',
      'worker dies after POST /v1/authorisations #1',
    ]);
  });

  test('before a call that follows another one of its transaction is after that one, and no point of its own', () => {
    const follows = { follows: true };
    expect(
      shown({}, { begin: call(1), settle: call(1, 1, follows), commit: call(1, 0, { acts: true, ...follows }) }),
    ).toEqual([
      'worker dies before begin #1',
      'worker dies after begin #1',
      'worker dies after settle #1',
      'worker dies during commit #1',
      'worker dies after commit #1',
    ]);
  });

  test('a question of an idle process is a point when it finds something, however often it was asked before', () => {
    const idle = { take_messages: call(12, 0) };
    expect(shown(idle, { take_messages: call(31, 2) }, { take_messages: call(17, 2) })).toEqual([
      'worker dies before take_messages #1',
      'worker dies after take_messages that finds something #1',
      'worker dies after take_messages that finds something #2',
    ]);
  });

  test('a question that finds something in an idle process tells nothing and is no point', () => {
    const idle = { take_turn: call(5, 5) };
    expect(shown(idle, { take_turn: call(9) })).toEqual(['worker dies before take_turn #1']);
  });

  test('a call whose number differs from run to run is a point the first and the last time that all have', () => {
    const points = shown({}, { read_outcomes: call(25) }, { read_outcomes: call(4) });
    expect(points.filter((point) => point.includes('before'))).toEqual([
      'worker dies before read_outcomes #1',
      'worker dies before read_outcomes #4',
    ]);
  });

  test('a call that one recording lacks is no point', () => {
    expect(shown({}, { rollback: call(1) }, {})).toEqual([]);
  });

  test('a point is passed by a process that made its call and lived', () => {
    const [point] = pointsOf('worker', {}, [{ lock_order: call(1) }]);
    if (point === undefined) throw new Error('no point');
    expect([isPassed(point, { lock_order: call(1) }), isPassed(point, {})]).toEqual([true, false]);
  });
});

describe('the choice of cases', () => {
  const journey = (name: string): Journey => ({ name, tells: '', ends: ['ended'], go: () => Promise.reject() });
  const many = pointsOf('worker', {}, [{ lock_order: call(50) }]);
  const few = pointsOf('provider', {}, [{ datasync: call(1) }]);
  const cases = [journey('buy'), journey('decline')].flatMap((each) =>
    [...many, ...few].map((point): Case => ({ journey: each, point, deaths: 1 })),
  );

  test('the same seed gives the same cases in the same order, another seed others', () => {
    expect(sampled(cases, 10, 7)).toEqual(sampled(cases, 10, 7));
    expect(sampled(cases, 10, 7)).not.toEqual(sampled(cases, 10, 8));
    expect(new Set(shuffled(cases, 7))).toEqual(new Set(cases));
  });

  test('what failed is tried again by its name, with the death of the process that took over', () => {
    const how = { casesMax: 40, seed: 7 };
    const again = (only: string) => chosen(cases, { ...how, only }).map(showCase);
    expect(again('buy: provider dies')).toEqual([
      'buy: provider dies before datasync #1',
      'buy: provider dies after datasync #1',
    ]);
    const failed = 'decline: worker dies after lock_order #17, twice';
    expect(again(failed)).toEqual([failed]);
    expect(chosen(cases, { ...how, only: undefined }).filter(({ deaths }) => deaths === 2).length).toBe(8);
  });

  test('a sample holds every journey and every process kind', () => {
    const kinds = sampled(cases, 4, 7).map((each) => `${each.journey.name} ${each.point?.kind}`);
    expect(kinds.sort()).toEqual(['buy provider', 'buy worker', 'decline provider', 'decline worker']);
  });
});
