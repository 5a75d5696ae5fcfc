import { isDeepStrictEqual } from 'node:util';
import { toError } from '../../../src/shared/failure.ts';
import type { Database, Statement } from '../../../src/shared/postgres/client.ts';
import { sqlState, transactionOver } from '../../../src/shared/postgres/client.ts';
import { chanceOf } from '../chance.ts';
import { merchantId, type SeedRows, shopRows } from '../seed-rows.ts';
import { tableNames } from '../store/schema.ts';
import { worldBeginsMs } from '../virtual-time.ts';
import { type Actors, actorsOn } from './actors.ts';
import { codeDeeds, type Deed, statementDeed } from './deeds.ts';
import { drawsFrom } from './draws.ts';
import type { StoreUnderTest } from './two-stores.ts';

/** One step: which deed, of which chance, and how much later it is then. */
export type Step = { readonly deed: string; readonly seed: number; readonly laterMs: number };

export const deeds: Readonly<Record<string, Deed>> = { ...codeDeeds, statement: statementDeed };

const skus = [
  { sku: 'APPLE', units: 9, priceMinor: 255 },
  { sku: 'BEET', units: 5, priceMinor: 300 },
  { sku: 'CORN', units: 2, priceMinor: 1_000 },
];

/** Rows for both stores: a shop, and a product of which nothing was ever counted. */
export function contractRows(): SeedRows {
  const rows = shopRows(skus, new Date(worldBeginsMs));
  const uncounted = {
    merchant_id: merchantId,
    sku: 'UNCOUNTED',
    title: 'Uncounted',
    price_minor: 255n,
    currency: 'GBP',
  };
  return { ...rows, products: [...(rows.products ?? []), uncounted] };
}

/** What differed first between two stores to which the same is done, in words; null if nothing did. */
export async function differenceOf(
  steps: readonly Step[],
  stores: { readonly expected: StoreUnderTest; readonly had: StoreUnderTest },
  options: { readonly seenNames?: Set<string>; readonly comparesEverySteps: number },
): Promise<string | null> {
  const { expected, had } = stores;
  const { seenNames = new Set(), comparesEverySteps } = options;
  let nowMs = worldBeginsMs;
  const onExpected = actorsOn(expected.database, () => nowMs);
  const counted = { left: 0 };
  const onHad = actorsOn(recording(had.database, seenNames, counted), () => nowMs);
  for (const [index, step] of steps.entries()) {
    nowMs += 1 + step.laterMs;
    await Promise.all([expected.setClock(nowMs), had.setClock(nowMs)]);
    const deed = deeds[step.deed]?.(drawsFrom(chanceOf(step.seed), await had.tables()));
    if (deed === undefined) throw new RangeError(`there is no deed ${step.deed}`);
    if (step.deed === 'feed') await expected.quiet();
    counted.left = statementsMax;
    const [wanted, got] = [await outcomeOf(deed, onExpected), await outcomeOf(deed, onHad)];
    if (!isDeepStrictEqual(got, wanted)) return differs(`step ${index + 1}, ${step.deed}`, stores, wanted, got);
    if (index % comparesEverySteps !== 0) continue;
    const differing = await differenceOfTables(`after step ${index + 1}, ${step.deed}`, stores);
    if (differing !== null) return differing;
  }
  return await differenceOfTables('at the end', stores);
}

async function differenceOfTables(
  where: string,
  stores: { readonly expected: StoreUnderTest; readonly had: StoreUnderTest },
): Promise<string | null> {
  const [theirs, ours] = await Promise.all([stores.expected.tables(), stores.had.tables()]);
  for (const table of tableNames) {
    const [wanted, got] = [plain([...theirs[table]]), plain([...ours[table]])];
    if (!isDeepStrictEqual(got, wanted)) return differs(`${where}, table ${table}`, stores, wanted, got);
  }
  return null;
}

/** Of one deed. Where a statement does nothing, code that tries again may try for ever. */
const statementsMax = 2_000;

function differs(
  where: string,
  { expected, had }: { readonly expected: StoreUnderTest; readonly had: StoreUnderTest },
  wanted: unknown,
  got: unknown,
): string {
  return `${where}: ${expected.name} has ${show(wanted)}, ${had.name} has ${show(got)}`;
}

/** The value, or the error by what callers decide on: its SQLSTATE, else its words. Rows come in any order. */
async function outcomeOf(deed: (actors: Actors) => Promise<unknown>, actors: Actors): Promise<unknown> {
  try {
    return plain(await deed(actors));
  } catch (thrown) {
    const error = toError(thrown);
    return { failed: sqlState(error) ?? `${error.name}: ${error.message}` };
  }
}

/** Values as both stores must have them: bytes as text, absent members left out, lists of rows in one order. */
export function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Map) return plain([...value]);
  if (Array.isArray(value)) {
    const list = value.map(plain);
    const isRows = list.every((each) => typeof each === 'object' && each !== null && !Array.isArray(each));
    return isRows ? list.sort((left, right) => (show(left) < show(right) ? -1 : 1)) : list;
  }
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.sort(([left], [right]) => (left < right ? -1 : 1)).map(([k, v]) => [k, plain(v)]));
}

function show(value: unknown): string {
  return (
    JSON.stringify(value, (_, member: unknown) => (typeof member === 'bigint' ? `${member}n` : member)) ?? 'nothing'
  );
}

/** Notes the names of the statements that were run, and stops what does not stop by itself. */
function recording(database: Database, names: Set<string>, counted: { left: number }): Database {
  const note = (statement: Statement): Statement => {
    names.add(statement.name ?? 'without a name');
    counted.left -= 1;
    if (counted.left < 0) throw new Error('more statements than a deed may take');
    return statement;
  };
  return {
    ...database,
    query: async (statement) => database.query(note(statement)),
    execute: async (statement) => database.execute(note(statement)),
    transaction: (work) =>
      database.transaction((tx) =>
        work(
          transactionOver({
            query: async (statement) => tx.query(note(statement)),
            execute: async (statement) => tx.execute(note(statement)),
          }),
        ),
      ),
  };
}
