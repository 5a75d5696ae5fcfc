import { expect, vi } from 'vitest';
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

/** What was written until now can be read: no transaction is open that began before, of any test. */
export async function everyoneElseEnded(db: Database): Promise<void> {
  const [mark] = await db.query<{ id: string }>({ text: 'select pg_current_xact_id()::text as id' });
  await vi.waitFor(
    async () => {
      const [row] = await db.query<{ hasEnded: boolean }>({
        text: 'select pg_snapshot_xmin(pg_current_snapshot()) > $1::xid8 as "hasEnded"',
        values: [mark?.id],
      });
      expect(row?.hasEnded, 'a transaction that began before is still open').toBe(true);
    },
    { timeout: 15_000, interval: 10 },
  );
}
