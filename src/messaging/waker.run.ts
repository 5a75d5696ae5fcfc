import { after } from '../shared/clock.ts';
import type { Database } from '../shared/postgres/client.ts';
import type { Waker } from './waker.ts';

/** The channel that workers LISTEN on; the payload is a comma-separated list of queues. */
export const wakeChannel = 'onetill_messages';

/** Hints of this span are sent as one. Long enough to merge a burst, short beside a buyer's patience. */
const coalesceMs = 2;

/**
 * Sends hints by NOTIFY in a statement of its own. Inside the commit's transaction it would take a database-wide lock
 * until the commit is flushed, and so serialise all commits (docs/decisions/0008).
 */
export function createWaker(
  database: Database,
  onError: (error: Error) => void,
): Waker & { local(onWake: (queues: string[]) => void): void } {
  const pending = new Set<string>();
  const listeners: ((queues: string[]) => void)[] = [];
  let isTimed = false;
  function flush(): void {
    isTimed = false;
    const payload = [...pending].join(',');
    pending.clear();
    database.query({ name: 'wake', text: 'select pg_notify($1, $2)', values: [wakeChannel, payload] }).catch(onError);
  }
  return {
    wake(queues) {
      for (const queue of queues) pending.add(queue);
      for (const listener of listeners) listener([...queues]);
      if (isTimed) return;
      isTimed = true;
      after(coalesceMs, flush);
    },
    /** Workers of the same process hear of it without the way through the database. */
    local(onWake) {
      listeners.push(onWake);
    },
  };
}
