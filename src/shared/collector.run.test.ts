import { AsyncLocalStorage } from 'node:async_hooks';
import { expect, test } from 'vitest';
import { createCollector } from './collector.run.ts';

type Batch = { readonly items: readonly string[]; land(): void; fail(error: Error): void };

/** A collector whose batches land when the test says so. */
function collectorOf(options: { batchMax?: number; inFlightMax?: number; splits?: boolean } = {}) {
  const batches: Batch[] = [];
  const collector = createCollector<string, string>({
    batchMax: options.batchMax ?? 100,
    inFlightMax: options.inFlightMax ?? 2,
    keysOf: (item) => [item.split(':')[0] ?? ''],
    splitsOn: () => options.splits ?? true,
    run: (items) =>
      new Promise((resolve, reject) => {
        batches.push({ items, land: () => resolve(items.map((item) => item.toUpperCase())), fail: reject });
      }),
  });
  return { collector, batches };
}

const turn = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

test('a lone item takes off at once, and what comes together takes off together', async () => {
  const { collector, batches } = collectorOf();
  const lone = collector.add('a');
  await turn();
  expect(batches.map(({ items }) => items)).toEqual([['a']]);
  batches[0]?.land();
  expect(await lone).toBe('A');
  const together = ['b', 'c', 'd'].map((item) => collector.add(item));
  await turn();
  expect(batches[1]?.items).toEqual(['b', 'c', 'd']);
  batches[1]?.land();
  expect(await Promise.all(together)).toEqual(['B', 'C', 'D']);
});

test('what comes while batches are under way is the next batch, and no batch is larger than its limit', async () => {
  const { collector, batches } = collectorOf({ batchMax: 3, inFlightMax: 1 });
  const results = ['a', 'b', 'c', 'd', 'e'].map((item) => collector.add(item));
  await turn();
  expect(batches.map(({ items }) => items)).toEqual([['a', 'b', 'c']]);
  results.push(collector.add('f'));
  batches[0]?.land();
  await turn();
  expect(batches[1]?.items).toEqual(['d', 'e', 'f']);
  batches[1]?.land();
  expect(await Promise.all(results)).toEqual(['A', 'B', 'C', 'D', 'E', 'F']);
});

test('a single item does not take off beside a large batch; half of a fair share does', async () => {
  const { collector, batches } = collectorOf();
  const many = Array.from({ length: 8 }, (_, index) => collector.add(`m${index}`));
  await turn();
  const later = [collector.add('x')];
  await turn();
  expect(batches).toHaveLength(1);
  later.push(collector.add('y'), collector.add('z'));
  await turn();
  expect(batches[1]?.items).toEqual(['x', 'y', 'z']);
  for (const batch of batches) batch.land();
  await Promise.all([...many, ...later]);
});

test('items that share a key are never under way at once, and keep their order', async () => {
  const { collector, batches } = collectorOf({ inFlightMax: 4 });
  const results = ['k:1', 'other', 'k:2', 'k:3'].map((item) => collector.add(item));
  await turn();
  expect(batches.map(({ items }) => items)).toEqual([['k:1', 'other']]);
  for (let next = 0; next < 3; next += 1) {
    batches[next]?.land();
    await turn();
  }
  expect(batches.slice(1).map(({ items }) => items)).toEqual([['k:2'], ['k:3']]);
  expect(await Promise.all(results)).toEqual(['K:1', 'OTHER', 'K:2', 'K:3']);
});

test('one item that fails does not fail its neighbours: a failed batch is halved until the item is alone', async () => {
  const tried: (readonly string[])[] = [];
  const collector = createCollector<string, string>({
    batchMax: 100,
    inFlightMax: 1,
    keysOf: () => [],
    splitsOn: () => true,
    run: async (items) => {
      tried.push(items);
      if (items.includes('bad')) throw new Error('poisoned');
      return items.map((item) => item.toUpperCase());
    },
  });
  const settled = await Promise.allSettled(['a', 'b', 'bad', 'c', 'd'].map((item) => collector.add(item)));
  expect(settled.map((each) => (each.status === 'fulfilled' ? each.value : String(each.reason)))).toEqual([
    'A',
    'B',
    'Error: poisoned',
    'C',
    'D',
  ]);
  expect(tried.at(0)).toHaveLength(5);
});

test('what no smaller batch could mend fails the whole batch, once', async () => {
  const { collector, batches } = collectorOf({ splits: false });
  const results = Promise.allSettled(['a', 'b'].map((item) => collector.add(item)));
  await turn();
  batches[0]?.fail(new Error('the database is away'));
  expect((await results).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(batches).toHaveLength(1);
});

test('a lone item is worked on in the context of who added it; a batch in that of nobody', async () => {
  const scope = new AsyncLocalStorage<string>();
  const seen: (string | undefined)[] = [];
  const collector = createCollector<string, null>({
    batchMax: 10,
    inFlightMax: 1,
    keysOf: () => [],
    splitsOn: () => true,
    run: async (items) => {
      seen.push(scope.getStore());
      return items.map(() => null);
    },
  });
  await scope.run('mine', () => collector.add('a'));
  await Promise.all([scope.run('one', () => collector.add('b')), scope.run('two', () => collector.add('c'))]);
  expect(seen).toEqual(['mine', undefined]);
});
