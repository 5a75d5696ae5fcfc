import { writeSync } from 'node:fs';
import { lastWordsDescriptor } from '../harness/processes-asks.ts';
import { serveAsks } from '../harness/processes-child.ts';
import { giveUpAfter } from '../harness/processes-quick.ts';
import type { CallName, Count, Point } from './crash-point.ts';
import { watchExits } from './exits.ts';

/**
 * The entry of a process that can be told at which of its calls to die. It counts its calls from the moment when it is
 * armed; a process that is not armed counts nothing.
 */
let point: Point | null = null;
const tally = new Map<CallName, { -readonly [Name in keyof Count]: Count[Name] }>();

serveAsks({
  /** Counts from now on, and dies at the point, or at none. */
  arm(what) {
    const armed = what as { point: Point | null; attemptsMax: number | null };
    tally.clear();
    point = armed.point;
    giveUpAfter(armed.attemptsMax);
  },
  tally: () => Object.fromEntries(tally),
});

void watchExits({
  begins(name, { acts, follows }) {
    const count = tally.get(name) ?? { calls: 0, finds: 0, acts, follows };
    tally.set(name, count);
    count.calls += 1;
    count.follows &&= follows;
    const occurrence = count.calls;
    const isNow = (place: Point['place'], counted: Point['counted'], of: number) =>
      point?.name === name && point.place === place && point.counted === counted && point.occurrence === of;
    if (isNow('before', 'calls', occurrence)) die();
    return {
      left(half) {
        if (!isNow('during', 'calls', occurrence)) return;
        half?.();
        die();
      },
      ends(found) {
        if (isNow('after', 'calls', occurrence)) die();
        if (!found) return;
        count.finds += 1;
        if (isNow('after', 'finds', count.finds)) die();
      },
    };
  },
});

/** Nothing is flushed, closed or said goodbye to: as when the machine is gone. */
function die(): never {
  writeSync(lastWordsDescriptor, `${JSON.stringify(point)}\n`);
  process.kill(process.pid, 'SIGKILL');
  // The signal is there when kill() returns; should it ever not be, nothing may go on.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
}
