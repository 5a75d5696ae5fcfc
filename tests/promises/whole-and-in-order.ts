import { expect } from 'vitest';
import type { Database } from '../../src/shared/postgres/client.ts';

export async function countEvents(db: Database): Promise<number> {
  const [row] = await db.query<{ count: number }>({ text: 'select count(*)::integer as count from domain_events' });
  return row?.count ?? 0;
}

/** Each event once, and those of one order in sequence. */
export function expectWholeAndInOrder(given: readonly string[], count: number): void {
  expect(new Set(given).size, 'no event twice').toBe(given.length);
  expect(given.length, 'no event lost').toBe(count);
  const last = new Map<string, number>();
  for (const each of given) {
    const [orderId = '', sequence] = each.split(' ');
    expect(Number(sequence), `of order ${orderId}`).toBe((last.get(orderId) ?? 0) + 1);
    last.set(orderId, Number(sequence));
  }
}
