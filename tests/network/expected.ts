import type { CellResult } from './cell.ts';
import type { Dependency } from './dependencies.ts';
import type { Journey } from './journeys.ts';
import type { FaultKind } from './proxy.ts';

/**
 * What a buyer may meet before the answer: nothing, a 503 with Retry-After, a lost connection, or silence for longer
 * than the buyer's patience. `must` is met by at least one of the row's buyers, or the fault was none.
 */
type Sight = { readonly may: readonly string[]; readonly must?: string };

const unseen: Sight = { may: [] };
const refused: Sight = { may: ['503'], must: '503' };
const broken: Sight = { may: ['lost'], must: 'lost' };
const silent: Sight = { may: ['lost', 'silence'], must: 'silence' };

const unseenAlways: Readonly<Record<FaultKind, Sight>> = {
  latency: unseen,
  reset: unseen,
  'black hole': unseen,
  refuse: unseen,
  'slow close': unseen,
  'cut mid-reply': unseen,
};

/**
 * Only what stands between buyer and answer is seen by a buyer. Whatever happens behind the commit is made up for by
 * the queues, and a database that is away is a 503 in time, never a hang and never a fault of ours.
 */
export const sights: Readonly<Record<Dependency, Readonly<Record<FaultKind, Sight>>>> = {
  'buyer → API': {
    latency: unseen,
    reset: broken,
    'black hole': silent,
    refuse: broken,
    'slow close': { may: ['lost', 'silence'] },
    'cut mid-reply': broken,
  },
  'API → PostgreSQL': {
    latency: unseen,
    reset: refused,
    'black hole': refused,
    refuse: refused,
    'slow close': refused,
    'cut mid-reply': refused,
  },
  'worker → PostgreSQL': unseenAlways,
  "worker's hints → PostgreSQL": unseenAlways,
  'sweeper → PostgreSQL': unseenAlways,
  'worker → payment provider': unseenAlways,
  'payment provider → API': unseenAlways,
};

/** The answer that stands under the buyer's key, and what became of the order: whatever was broken, the same. */
export const ends: Readonly<Record<Journey, string>> = {
  buy: 'completed, order confirmed',
  decline: 'payment_failed, order cancelled',
  'out of stock': 'out_of_stock, no order',
  'cancelled session': 'checkout_not_open, no order',
  'fraud hold, accepted': 'completed, order confirmed',
  'unknown authorisation': 'completed, order confirmed',
};

/** Why a cell is not what it must be; empty when it is. */
export function faultsOfCell(result: CellResult): string[] {
  const { dependency, failure, journey, met, first, end, violations, faults } = result;
  const { may } = sights[dependency][failure];
  const unexpected = met.filter((each) => !may.includes(each));
  const mayComeFirst = firsts(journey);
  return [
    ...violations.map(({ promise, subject, says }) => `promise ${promise}, ${subject}: ${says}`),
    ...faults,
    ...unexpected.map((each) => `the buyer met "${each}", where only [${may.join(', ')}] may be met`),
    ...(mayComeFirst.includes(first) ? [] : [`the first answer was "${first}", and not ${mayComeFirst.join(' or ')}`]),
    ...(end === ends[journey] ? [] : [`it ended as "${end}" and not as "${ends[journey]}"`]),
  ];
}

/** An order that is under way when the buyer's wait is over is said to be so; a refusal is final at once. */
function firsts(journey: Journey): string[] {
  const [answer = '', order] = ends[journey].split(', ');
  return order === 'no order' ? [answer] : [answer, 'complete_in_progress'];
}

/** Rows whose fault no buyer met, though it stands in the way of each: the fault was none, or hides what it does. */
export function unmet(results: readonly CellResult[]): string[] {
  const rows = new Map<string, CellResult[]>();
  for (const result of results) {
    const row = `${result.dependency}, ${result.failure}`;
    rows.set(row, [...(rows.get(row) ?? []), result]);
  }
  return [...rows].flatMap(([row, cells]) => {
    const [{ dependency, failure }] = cells as [CellResult];
    const { must } = sights[dependency][failure];
    if (must === undefined || cells.some(({ met }) => met.includes(must))) return [];
    return [`${row}: no buyer met "${must}"`];
  });
}
