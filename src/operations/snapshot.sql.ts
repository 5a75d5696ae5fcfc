import type { Transaction } from '../shared/postgres/client.ts';

/**
 * Makes the transaction, before its first query, one consistent look: every statement sees the same instant, and none
 * can write.
 */
export async function lookOnce(tx: Transaction): Promise<void> {
  await tx.execute({ text: 'set transaction isolation level repeatable read, read only' });
}

/** Cancels any statement of the transaction that runs longer. */
export async function limitStatements(tx: Transaction, timeoutMs: number): Promise<void> {
  await tx.execute({ text: `select set_config('statement_timeout', $1, true)`, values: [String(timeoutMs)] });
}
