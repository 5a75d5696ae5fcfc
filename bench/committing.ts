import type { CommitOptions } from '../src/checkout/commit.run.ts';
import type { Committer } from '../src/checkout/committer.run.ts';
import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import { sleepingWaker } from '../src/messaging/waker.ts';
import { newUuid } from '../src/shared/ids.ts';
import { connect, type Database } from '../src/shared/postgres/client.ts';
import { openCheckouts, readAllOffers } from './checkouts.ts';
import { openCommitter } from './commit-one.ts';
import { connectionsMax } from './processes.ts';

/** The commit in this process, over a pool of its own. */
export type Committing = {
  readonly database: Database;
  readonly options: CommitOptions;
  readonly committer: Committer;
  close(): Promise<void>;
};

/** Connected and ready: connecting is no part of a commit, and the reference's driver leaves it out, too. */
export async function startCommitting(url: string): Promise<Committing> {
  const database = connect({ url, applicationName: 'onetill bench commit', connectionsMax });
  await Promise.all(Array.from({ length: connectionsMax }, () => database.query({ text: 'select pg_sleep(0.02)' })));
  const options: CommitOptions = { database, newId: newUuid, waker: sleepingWaker };
  return { database, options, committer: openCommitter(options), close: () => database.close() };
}

/** Opens checkouts of the shop, other ones at every call of one run. */
export function newCheckouts(database: Database): (count: number) => Promise<string[]> {
  let seed = 1;
  return async (count) => {
    const offers = await readAllOffers(database, demoMerchant.merchantId);
    seed += 1;
    return await openCheckouts(database, offers, { count, seed });
  };
}
