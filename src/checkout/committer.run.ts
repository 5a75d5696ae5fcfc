import { createCollector } from '../shared/collector.run.ts';
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
    run: inTurn,
    splitsOn: (error) => !isConnectionError(error),
    ...(options.onBatch === undefined ? {} : { onBatch: options.onBatch }),
  });

  let lastHasLocked: Promise<void> = Promise.resolve();

  /**
   * Batches lock their stock one after the other, as their orders arrived, and do the rest side by side. A turn is
   * waited for before the transaction begins: inside of it a connection that does nothing for long is closed.
   */
  async function inTurn(requests: readonly CommitRequest[]): Promise<readonly (Refused | CommitOutcome)[]> {
    const before = lastHasLocked;
    let pass: () => void = () => {};
    lastHasLocked = new Promise((resolve) => {
      pass = resolve;
    });
    await before;
    try {
      return await commit(options, requests, pass);
    } finally {
      pass();
    }
  }

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
