import { AsyncLocalStorage } from 'node:async_hooks';
import { soon } from './clock.ts';

/** What collects needs to know of what it collects. */
export type CollectorOptions<Item, Result> = {
  /** No batch is larger. */
  readonly batchMax: number;
  /** No more batches are under way at once. */
  readonly inFlightMax: number;
  /** Items that have a key in common are never in one batch, nor in two that are under way at once. */
  readonly keysOf: (item: Item) => readonly string[];
  /** Does the work of all items, or fails and has done nothing. Gives one result per item, in their order. */
  readonly run: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** Whether a batch that failed so is tried again in halves: one of its items may be the cause. */
  readonly splitsOn: (error: unknown) => boolean;
  readonly onBatch?: (size: number) => void;
};

export type Collector<Item, Result> = {
  /** Settles as if the item were alone: a neighbour that fails is no reason to fail. */
  add(item: Item): Promise<Result>;
};

type InContext = <T>(work: () => T) => T;

type Entry<Item, Result> = {
  readonly item: Item;
  readonly keys: readonly string[];
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
  readonly inItsContext: InContext;
};

/** Below this size two batches at once cost more than they save. */
const worthSplitting = 8;

/**
 * Has what arrives together done together, in order of arrival. Nobody waits for company: what arrives when nothing is
 * under way takes off at once. While batches are under way, those who wait are the next batch. All that are here,
 * waiting or under way, are shared out evenly over the batches that may be under way, and a batch takes off beside
 * another one when half of such a share is waiting: without this one large batch and many of one follow each other.
 */
export function createCollector<Item, Result>(options: CollectorOptions<Item, Result>): Collector<Item, Result> {
  const outside: InContext = AsyncLocalStorage.snapshot();
  let waiting: Entry<Item, Result>[] = [];
  const busyKeys = new Set<string>();
  let batches = 0;
  let itemsUnderWay = 0;
  let isLooking = false;

  function look(): void {
    if (isLooking) return;
    isLooking = true;
    soon(() => {
      isLooking = false;
      takeOff();
    });
  }

  function takeOff(): void {
    while (waiting.length > 0 && batches < options.inFlightMax) {
      const share = Math.ceil((waiting.length + itemsUnderWay) / options.inFlightMax);
      if (batches > 0 && waiting.length * 2 < share) return;
      const { drawn, left } = draw(waiting, busyKeys, Math.min(options.batchMax, Math.max(share, worthSplitting)));
      if (drawn.length === 0) return;
      waiting = left;
      void fly(drawn);
    }
  }

  async function fly(batch: readonly Entry<Item, Result>[]): Promise<void> {
    batches += 1;
    itemsUnderWay += batch.length;
    for (const { keys } of batch) for (const key of keys) busyKeys.add(key);
    await settle(options, batch, outside);
    batches -= 1;
    itemsUnderWay -= batch.length;
    for (const { keys } of batch) for (const key of keys) busyKeys.delete(key);
    look();
  }

  return {
    add(item) {
      return new Promise((resolve, reject) => {
        const inItsContext: InContext = AsyncLocalStorage.snapshot();
        waiting.push({ item, keys: options.keysOf(item), resolve, reject, inItsContext });
        look();
      });
    },
  };
}

/** The first who wait, those left out who share a key with one under way or before them. */
function draw<Item, Result>(
  waiting: readonly Entry<Item, Result>[],
  busyKeys: ReadonlySet<string>,
  sizeMax: number,
): { readonly drawn: Entry<Item, Result>[]; readonly left: Entry<Item, Result>[] } {
  const drawn: Entry<Item, Result>[] = [];
  const left: Entry<Item, Result>[] = [];
  // Who waits for a key is not overtaken by who comes later with the same.
  const held = new Set<string>();
  for (const entry of waiting) {
    const isFree = drawn.length < sizeMax && entry.keys.every((key) => !busyKeys.has(key) && !held.has(key));
    (isFree ? drawn : left).push(entry);
    for (const key of entry.keys) held.add(key);
  }
  return { drawn, left };
}

async function settle<Item, Result>(
  options: CollectorOptions<Item, Result>,
  batch: readonly Entry<Item, Result>[],
  outside: InContext,
): Promise<void> {
  // A lone item is worked on in its own context, so that its trace shows its statements; a batch is nobody's own.
  const inContext = batch.length === 1 ? (batch[0]?.inItsContext ?? outside) : outside;
  let results: readonly Result[];
  try {
    results = await inContext(() => options.run(batch.map(({ item }) => item)));
  } catch (error) {
    if (batch.length === 1 || !options.splitsOn(error)) {
      for (const { reject } of batch) reject(error);
      return;
    }
    const middle = Math.ceil(batch.length / 2);
    await settle(options, batch.slice(0, middle), outside);
    return await settle(options, batch.slice(middle), outside);
  }
  // What fails from here on is no fault of the batch, which is done and must not be done again.
  batch.forEach(({ resolve }, index) => {
    resolve(results[index] as Result);
  });
  options.onBatch?.(batch.length);
}
