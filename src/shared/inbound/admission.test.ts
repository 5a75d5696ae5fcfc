import { expect, test } from 'vitest';
import { createAdmission, type Place } from './admission.ts';

const options = { floor: 4, cap: 100, targetMs: 200 };

/** A server in which each request takes `serviceMs`, `workers` at a time, and `perMs` arrive each millisecond. */
function run({
  perMs,
  workers,
  serviceMs,
  forMs,
}: {
  perMs: number;
  workers: number;
  serviceMs: number;
  forMs: number;
}) {
  let nowMs = 0;
  const admission = createAdmission({ ...options, cap: 1_000, nowMs: () => nowMs });
  const queue: { place: Place; sinceMs: number }[] = [];
  const busyUntilMs = Array<number>(workers).fill(0);
  const done: { atMs: number; tookMs: number }[] = [];
  const ending: { place: Place; atMs: number; sinceMs: number }[] = [];
  for (; nowMs < forMs; nowMs += 1) {
    for (const each of ending.filter(({ atMs }) => atMs <= nowMs)) {
      each.place.leave();
      done.push({ atMs: nowMs, tookMs: nowMs - each.sinceMs });
    }
    ending.splice(0, ending.length, ...ending.filter(({ atMs }) => atMs > nowMs));
    for (let arrived = 0; arrived < perMs; arrived += 1) {
      const place = admission.enter();
      if (place !== null) queue.push({ place, sinceMs: nowMs });
    }
    busyUntilMs.forEach((until, worker) => {
      const next = until <= nowMs ? queue.shift() : undefined;
      if (next === undefined) return;
      busyUntilMs[worker] = nowMs + serviceMs;
      ending.push({ ...next, atMs: nowMs + serviceMs });
    });
  }
  return { done, admission };
}

test('a server that is asked for three times what it can do does all that it can, each within its time', () => {
  // Four workers of 4 ms do 1 each millisecond.
  const { done } = run({ perMs: 3, workers: 4, serviceMs: 4, forMs: 6_000 });
  const settled = done.filter(({ atMs }) => atMs > 3_000);
  expect(settled.length).toBeGreaterThan(0.9 * 3_000);
  expect(Math.max(...settled.map(({ tookMs }) => tookMs))).toBeLessThan(options.targetMs * 1.2);
});

test('from the floor the limit rises until requests take as long as they may', () => {
  const early = run({ perMs: 3, workers: 4, serviceMs: 4, forMs: 100 });
  const late = run({ perMs: 3, workers: 4, serviceMs: 4, forMs: 4_000 });
  expect(early.admission.limit()).toBeLessThan(40);
  expect(late.admission.limit()).toBeGreaterThan(180);
});

test('where less is done fewer are let in, never fewer than the floor and never more than the cap', () => {
  let nowMs = 0;
  const admission = createAdmission({ ...options, nowMs: () => nowMs });
  expect(admission.limit()).toBe(4);
  for (let count = 0; count < 2_000; count += 1) {
    nowMs += 1;
    admission.enter()?.leave();
  }
  expect(admission.limit()).toBe(100);
  nowMs += 700;
  expect(admission.limit()).toBeLessThan(80);
  nowMs += 10_000;
  expect(admission.limit()).toBe(4);
});

test('a request that waits on purpose takes no place meanwhile, and gives back only what it has', () => {
  const admission = createAdmission({ ...options, floor: 1, nowMs: () => 0 });
  const [waiting, none] = [admission.enter(), admission.enter()];
  expect(none).toBeNull();
  const takeAgain = waiting?.standAside();
  const other = admission.enter();
  expect([other === null, admission.enter()]).toEqual([false, null]);
  other?.leave();
  takeAgain?.();
  expect(admission.enter()).toBeNull();
  waiting?.leave();
  waiting?.leave();
  // Gone while it waited: it must not take a place that nobody gives back.
  const gone = admission.enter();
  const tooLate = gone?.standAside();
  gone?.leave();
  tooLate?.();
  expect([admission.enter() === null, admission.enter()]).toEqual([false, null]);
});
