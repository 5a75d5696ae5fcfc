import { createHash } from 'node:crypto';
import { type CommitOptions, commit } from '../src/checkout/commit.run.ts';
import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import { newUuid } from '../src/shared/ids.ts';
import { Secret } from '../src/shared/secret.ts';

/** Commits one checkout under a key of its own; answers the order, and how long it took. All else ends the run. */
export async function commitOne(
  options: CommitOptions,
  checkoutId: string,
): Promise<{ readonly tookMs: number; readonly orderId: string }> {
  const beganMs = performance.now();
  const idempotencyKey = newUuid();
  const [outcome] = await commit(options, [
    {
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
    },
  ]);
  const tookMs = performance.now() - beganMs;
  if (outcome === undefined || !('outcome' in outcome) || outcome.outcome !== 'committed') {
    throw new Error(`an order that nothing speaks against was not committed: ${JSON.stringify(outcome)}`);
  }
  return { tookMs, orderId: outcome.orderId };
}
