import { createCollector } from '../shared/collector.ts';
import type { Refused } from '../shared/failure.ts';
import { isConnectionError } from '../shared/postgres/client.ts';
import { type CommitOptions, commit } from './commit.run.ts';
import type { CommitOutcome, CommitRequest, FirstLook } from './commit.ts';

export type CommitterOptions = CommitOptions & {
  /** Told of the size of every transaction that committed. For metrics. */
  readonly onBatch?: (size: number) => void;
  /** For trying out others than the sizes that were chosen. */
  readonly sizes?: { readonly batchMax: number; readonly inFlightMax: number };
};

/** Commits orders; those that arrive together in one transaction. */
export type Committer = {
  /**
   * Gives the outcome of the request, or fails, as if it were alone: a bad neighbour is no reason to fail. Only where
   * the database is away do all fail that were under way together.
   */
  commit(request: CommitRequest): Promise<Refused | CommitOutcome>;
};

/** Measured (docs/decisions/0020-batched-commit.md). */
export const committerSizes = { batchMax: 64, inFlightMax: 2 } as const;

export function createCommitter(options: CommitterOptions): Committer {
  const looks = new Map<string, FirstLook>();
  const collector = createCollector<CommitRequest, Refused | CommitOutcome>({
    ...(options.sizes ?? committerSizes),
    keysOf: (request) => [request.checkoutId, `${request.merchantId} ${request.callerId} ${request.idempotencyKey}`],
    run: (requests) => commit(options, requests),
    splitsOn: (error) => !isConnectionError(error),
    ...(options.onBatch === undefined ? {} : { onBatch: options.onBatch }),
  });

  return {
    async commit(request) {
      const { checkoutId } = request;
      const firstLook = looks.get(checkoutId) ?? { version: null };
      looks.set(checkoutId, firstLook);
      try {
        return await collector.add({ ...request, firstLook });
      } finally {
        // Whoever was here before the answer was meant for what was seen then. Who comes now may have read the answer.
        if (looks.get(checkoutId) === firstLook) looks.delete(checkoutId);
      }
    },
  };
}
