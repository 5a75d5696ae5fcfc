import { createHash } from 'node:crypto';
import type { CommitRequest } from '../../src/checkout/commit.ts';
import { type Committer, type CommitterOptions, createCommitter } from '../../src/checkout/committer.run.ts';
import { sleepingWaker } from '../../src/messaging/waker.ts';
import { isRefused } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { type Database, isConnectionError } from '../../src/shared/postgres/client.ts';
import { Secret } from '../../src/shared/secret.ts';
import { caller, draftFor, openCheckout } from '../harness/shop.ts';
import type { TestWorld } from '../harness/world.ts';

export type Counted = { readonly committer: Committer; readonly batches: number[]; readonly decided: string[] };

/** A committer that tells of its transactions. What is asked at once is one batch, unless the sizes say otherwise. */
export function countedOn(
  database: Database,
  sizes: CommitterOptions['sizes'] = { batchMax: 512, inFlightMax: 1 },
): Counted {
  const [batches, decided]: [number[], string[]] = [[], []];
  const committer = createCommitter({
    database,
    newId: newUuid,
    waker: sleepingWaker,
    sizes,
    onBatch: (size) => batches.push(size),
    onCommitted: (outcome) => decided.push(outcome),
  });
  return { committer, batches, decided };
}

/** A request that nothing speaks against, under a key of its own. */
export function requestFor(checkoutId: string, more: Partial<CommitRequest> = {}): CommitRequest {
  const idempotencyKey = more.idempotencyKey ?? newUuid();
  return {
    merchantId: caller.merchantId,
    callerId: caller.callerId,
    checkoutId,
    idempotencyKey,
    requestSha256: createHash('sha256').update(`${idempotencyKey} ${checkoutId}`).digest(),
    provider: 'simulated',
    token: new Secret('tok_ok'),
    billingCountry: null,
    shipsFrom: 'GB',
    seenVersion: null,
    traceparent: null,
    ...more,
  };
}

/** Opens checkouts with the lines. */
export async function open(
  world: TestWorld,
  lines: Readonly<Record<string, number>>,
  count: number,
): Promise<string[]> {
  const opened: string[] = [];
  for (let left = count; left > 0; left -= 16) {
    const some = Array.from({ length: Math.min(16, left) }, () => openCheckout(world.desk, draftFor(lines)));
    opened.push(...(await Promise.all(some)).map(({ checkoutId }) => checkoutId));
  }
  return opened;
}

/** How each request ended, in a word. */
export async function endsOf(committer: Committer, requests: readonly CommitRequest[]): Promise<string[]> {
  const settled = await Promise.allSettled(requests.map((request) => committer.commit(request)));
  return settled.map((each) => {
    if (each.status === 'rejected') return isConnectionError(each.reason) ? 'connection lost' : 'failed';
    if (isRefused(each.value)) return each.value.code;
    return each.value.outcome === 'refused' ? each.value.refusal.code : 'committed';
  });
}

/** Orders and units in the books, for the SKU. */
export async function booksOf(database: Database, sku: string) {
  const [books] = await database.query<{ held: number; reserved: number; orders: number; keys: number }>({
    text: `
      select (select held_units from stock where sku = $1)::integer as held,
             (select coalesce(sum(units), 0) from reservations where sku = $1 and status = 'held')::integer as reserved,
             (select count(*) from orders)::integer as orders,
             (select count(*) from commit_keys where operation = 'complete' and order_id is not null)::integer as keys`,
    values: [sku],
  });
  return books;
}
