import type { Run } from './reference.ts';

/** Does one piece of work; answers how long it took, in milliseconds. */
export type Work<Item> = (item: Item) => Promise<number>;

/** So many at once, each beginning the next when its own is done; until the items are at their end. */
export async function closedLoop<Item>(clients: number, items: readonly Item[], work: Work<Item>): Promise<Run> {
  const latenciesMs: number[] = [];
  const waiting = items.values();
  const startedMs = performance.now();
  await Promise.all(
    Array.from({ length: clients }, async () => {
      for (const item of waiting) latenciesMs.push(await work(item));
    }),
  );
  return runOf(latenciesMs, performance.now() - startedMs);
}

/**
 * Begins the items at an even pace, whether or not those before are done. Latency counts from the time at which an
 * item was due, so that a stall of this process or of the server burdens all that came meanwhile.
 */
export async function openLoop<Item>(
  perSecond: number,
  items: readonly Item[],
  work: (item: Item) => Promise<unknown>,
): Promise<Run> {
  const latenciesMs: number[] = [];
  const underWay: Promise<void>[] = [];
  const startedMs = performance.now();
  for (const [index, item] of items.entries()) {
    const dueMs = startedMs + (index * 1000) / perSecond;
    const earlyMs = dueMs - performance.now();
    if (earlyMs > 0) await pause(earlyMs);
    // What is due while a timer was late begins now; its wait is part of its latency.
    underWay.push(work(item).then(() => void latenciesMs.push(performance.now() - dueMs)));
  }
  await Promise.all(underWay);
  return runOf(latenciesMs, performance.now() - startedMs);
}

function runOf(latenciesMs: number[], tookMs: number): Run {
  return { orders: latenciesMs.length, perSecond: (latenciesMs.length * 1000) / tookMs, latenciesMs };
}

export function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

/** Asks until there is an answer; null if none came in time. */
export async function eventually<T>(ask: () => Promise<T | null>, waitMsMax = 60_000): Promise<T | null> {
  const pollMs = 50;
  const deadlineMs = performance.now() + waitMsMax;
  while (performance.now() < deadlineMs) {
    const answer = await ask();
    if (answer !== null) return answer;
    await pause(pollMs);
  }
  return null;
}
