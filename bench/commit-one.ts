import { createHash } from 'node:crypto';
import type { CommitOptions } from '../src/checkout/commit.run.ts';
import type { CommitRequest, StoredOutcome } from '../src/checkout/commit.ts';
import { type Committer, createCommitter } from '../src/checkout/committer.run.ts';

import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import type { Refused } from '../src/shared/failure.ts';
import { newUuid } from '../src/shared/ids.ts';
import { Secret } from '../src/shared/secret.ts';

/** The only place at which the bench says how requests become transactions. */
export function openCommitter(options: CommitOptions): Committer {
  return createCommitter(options);
}

/** A request of the shop for one of its checkouts, under a key of its own. */
export function requestFor(checkoutId: string): CommitRequest {
  const idempotencyKey = newUuid();
  return {
    merchantId: demoMerchant.merchantId,
    callerId: demoMerchant.callerId,
    checkoutId,
    idempotencyKey,
    requestSha256: createHash('sha256').update(idempotencyKey).digest(),
    provider: 'simulated',
    token: new Secret('tok_ok'),
    billingCountry: null,
    shipsFrom: 'GB',
    seenVersion: 1,
    traceparent: null,
  };
}

/** Commits one checkout under a key of its own; answers the order, and how long it took. All else ends the run. */
export async function commitOne(
  committer: Committer,
  checkoutId: string,
): Promise<{ readonly tookMs: number; readonly orderId: string }> {
  const beganMs = performance.now();
  const outcome = await committer.commit(requestFor(checkoutId));
  const tookMs = performance.now() - beganMs;
  return { tookMs, orderId: orderOf(outcome) };
}

/** The order of a committed outcome; any other one speaks of a fault of the bench or of the engine. */
export function orderOf(outcome: Refused | StoredOutcome | undefined): string {
  if (outcome === undefined || !('outcome' in outcome) || outcome.outcome !== 'committed') {
    throw new Error(`an order that nothing speaks against was not committed: ${JSON.stringify(outcome)}`);
  }
  return outcome.orderId;
}
