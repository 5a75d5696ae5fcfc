import { after, sleep } from '../shared/clock.ts';
import type { Database } from '../shared/postgres/client.ts';
import { type OrderOutcome, readOutcomes } from './orders.sql.ts';

/**
 * Waits for outcomes of orders: one query per round for all who wait in this process, however many they are. Polled and
 * not notified: a NOTIFY in the saga's transactions would serialise their commits (docs/decisions/0008).
 */
export type OutcomeWatch = {
  /** The order's outcome once it is settled (or held for a person), or null when the time is over. */
  wait(orderId: string, timeoutMs: number): Promise<OrderOutcome | null>;
};

/** One round of looking. Quick enough to add little to a saga of some 50 ms, slow enough to cost little when idle. */
const roundMs = 20;

export function createOutcomeWatch(database: Database): OutcomeWatch {
  const waiting = new Map<string, Set<(outcome: OrderOutcome) => void>>();
  let isRunning = false;

  async function rounds(): Promise<void> {
    isRunning = true;
    while (waiting.size > 0) {
      await sleep(roundMs);
      // A failed round is a missed look: whoever waits is told at the next one, or runs out of time.
      const outcomes = await readOutcomes(database, [...waiting.keys()]).catch(() => []);
      for (const outcome of outcomes) {
        if (outcome.status === 'pending' || outcome.status === 'cancelling') continue;
        for (const tell of waiting.get(outcome.orderId) ?? []) tell(outcome);
      }
    }
    isRunning = false;
  }

  return {
    wait(orderId, timeoutMs) {
      return new Promise((resolve) => {
        const forget = after(timeoutMs, () => end(null));
        const tellers = waiting.get(orderId) ?? new Set();
        waiting.set(orderId, tellers.add(end));
        if (!isRunning) void rounds();
        function end(outcome: OrderOutcome | null): void {
          forget();
          tellers.delete(end);
          if (tellers.size === 0) waiting.delete(orderId);
          resolve(outcome);
        }
      });
    },
  };
}
