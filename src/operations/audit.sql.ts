import type { Transaction } from '../shared/postgres/client.ts';

/** Writes who did what, in the transaction of the deed. */
export async function writeAudit(
  tx: Transaction,
  entry: {
    entryId: string;
    merchantId: string;
    orderId: string | null;
    actor: string;
    action: string;
    detail: string | null;
  },
): Promise<void> {
  await tx.execute({
    text: `
      insert into audit_entries (entry_id, merchant_id, order_id, actor, action, detail)
      values ($1, $2, $3, $4, $5, $6)`,
    values: [
      entry.entryId,
      entry.merchantId,
      entry.orderId,
      entry.actor,
      entry.action,
      entry.detail?.slice(0, 500) ?? null,
    ],
  });
}
