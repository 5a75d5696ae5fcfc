import type { Queryable } from '../shared/postgres/client.ts';

/** Tells the workers of all processes to look into these queues now. After the commit, never inside it. */
export async function wakeWorkers(db: Queryable, channel: string, queues: readonly string[]): Promise<void> {
  await db.query({ name: 'wake_workers', text: 'select pg_notify($1, $2)', values: [channel, queues.join(',')] });
}
