import type { RetailLine } from './online-retail.ts';

/** What was sold of each SKU. It grows with the number of SKUs and never with the number of rows. */
export type SalesTally = Map<string, SkuTally>;

type SkuTally = {
  unitsSold: number;
  readonly titles: Map<string, number>;
  readonly prices: Map<bigint, { lines: number; units: number }>;
};

export type TalliedProduct = {
  readonly sku: string;
  readonly title: string;
  readonly priceMinor: bigint;
  readonly receivedUnits: number;
};

/** More SKUs than this are another kind of file. The largest catalogue tried has 300,000. */
export const tallySkusMax = 1_000_000;
/** The sample has at most 8 spellings and 14 prices of one SKU; later ones of a wilder file are not counted. */
const variantsMax = 64;

/** Adds a sale. False if the tally is full. */
export function tallySale(tally: SalesTally, line: RetailLine): boolean {
  let entry = tally.get(line.sku);
  if (entry === undefined) {
    if (tally.size >= tallySkusMax) return false;
    entry = { unitsSold: 0, titles: new Map(), prices: new Map() };
    tally.set(line.sku, entry);
  }
  entry.unitsSold += line.quantity;
  const titleLines = entry.titles.get(line.title);
  if (titleLines !== undefined || entry.titles.size < variantsMax) entry.titles.set(line.title, (titleLines ?? 0) + 1);
  const price = entry.prices.get(line.unitPriceMinor);
  if (price !== undefined) {
    price.lines += 1;
    price.units += line.quantity;
  } else if (entry.prices.size < variantsMax) {
    entry.prices.set(line.unitPriceMinor, { lines: 1, units: line.quantity });
  }
  return true;
}

/** The products of the tally in SKU order, so that two imports at once lock rows in the same order. */
export function productsOf(tally: SalesTally): TalliedProduct[] {
  return [...tally]
    .map(([sku, entry]) => ({
      sku,
      title: mostUsualTitle(entry),
      priceMinor: mostUsualPrice(entry),
      receivedUnits: unitsReceived(entry.unitsSold),
    }))
    .sort((left, right) => (left.sku < right.sku ? -1 : 1));
}

function mostUsualTitle(entry: SkuTally): string {
  const byUse = [...entry.titles].sort(([left, leftLines], [right, rightLines]) => {
    return rightLines - leftLines || (left < right ? -1 : 1);
  });
  return byUse[0]?.[0] ?? '';
}

/**
 * The price that most order lines paid; of equals the one that moved more units, then the lower. Counting units
 * instead would let a few wholesale lines set the shop's price; a mean would be a price that nobody paid.
 */
function mostUsualPrice(entry: SkuTally): bigint {
  const byUse = [...entry.prices].sort(([left, leftUse], [right, rightUse]) => {
    return rightUse.lines - leftUse.lines || rightUse.units - leftUse.units || (left < right ? -1 : 1);
  });
  return byUse[0]?.[0] ?? 0n;
}

/**
 * The file does not say what was bought in. Twice what was sold lets the whole file be replayed twice before the
 * shelves are empty, and the floor leaves something to sell of what sold once.
 */
function unitsReceived(unitsSold: number): number {
  return unitsSold * 2 + 50;
}
