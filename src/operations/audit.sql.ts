import type { Transaction } from '../shared/postgres/client.ts';

export type AuditEntry = {
  readonly entryId: string;
  readonly merchantId: string;
  readonly orderId: string | null;
  readonly actor: string;
  readonly action: string;
  readonly detail: string | null;
};

/** Writes who did what, in the transaction of the deed. */
export async function writeAudit(tx: Transaction, ...entries: readonly AuditEntry[]): Promise<void> {
  if (entries.length === 0) return;
  await tx.execute({
    name: 'write_audit',
    text: `
      insert into audit_entries (entry_id, merchant_id, order_id, actor, action, detail)
      select "entryId", "merchantId", "orderId", actor, action, detail
      from jsonb_to_recordset($1) as x("entryId" uuid, "merchantId" text, "orderId" uuid, actor text, action text,
           detail text)`,
    values: [JSON.stringify(entries.map((entry) => ({ ...entry, detail: entry.detail?.slice(0, 500) ?? null })))],
  });
}
