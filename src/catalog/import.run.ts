import { receiveFirstStock } from '../inventory/stock.sql.ts';
import { isRefused, type Refused, refuse } from '../shared/failure.ts';
import type { NewId } from '../shared/ids.ts';
import type { Database, Transaction } from '../shared/postgres/client.ts';
import { readMerchantCurrency, upsertProducts } from './import.sql.ts';
import type { ImportSummary, LeftOut, LeftOutReason } from './import-summary.ts';
import { isFault, type RetailColumn, retailCurrency, whyNoSale } from './online-retail.ts';
import { type ReadProgress, readRetailFile } from './retail-file.run.ts';
import { productsOf, type SalesTally, type TalliedProduct, tallySale, tallySkusMax } from './sales-tally.ts';

export type ImportOptions = {
  readonly database: Database;
  readonly file: string;
  readonly merchantId: string;
  /** Who is written into the stock adjustments, such as `onetill import`. */
  readonly actor: string;
  readonly newId: NewId;
  readonly onProgress?: ((progress: ImportProgress) => void) | undefined;
};

export type ImportProgress =
  | ({ readonly phase: 'reading' } & ReadProgress)
  | { readonly phase: 'writing'; readonly products: number; readonly productsTotal: number };

/** Large enough that round trips do not count, small enough that a statement takes milliseconds. */
const batchProducts = 500;
const examplesMax = 3;

/**
 * Makes the catalogue of a merchant from the order lines of a file. The file is read to its end before anything is
 * written, and all is written in one transaction: an import happens whole or not at all. A second import brings
 * titles and prices up to date and leaves stock alone.
 */
export async function runImport(options: ImportOptions): Promise<Refused | ImportSummary> {
  const currency = await readMerchantCurrency(options.database, options.merchantId);
  if (currency === null)
    return refuse('not_found', `There is no merchant ${options.merchantId}.`, { path: '$.merchant' });
  if (currency !== retailCurrency) {
    const message = `The prices of the file are in ${retailCurrency}, and ${options.merchantId} sells in ${currency}.`;
    return refuse('currency_unsupported', message, { path: '$.merchant' });
  }
  const sales = await readSales(options);
  if (isRefused(sales)) return sales;
  const products = productsOf(sales.tally);
  const { file } = options;
  if (products.length === 0) {
    return refuse('input_invalid', `${file} cannot be imported: no row of it is a sale.`, { path: '$.file' });
  }
  const written = await options.database.transaction((tx) => writeCatalogue(tx, options, products));
  return { file, rowsRead: sales.rowsRead, rowsTaken: sales.rowsTaken, leftOut: sales.leftOut, ...written };
}

type Sales = Pick<ImportSummary, 'rowsRead' | 'rowsTaken' | 'leftOut'> & { readonly tally: SalesTally };

async function readSales(options: ImportOptions): Promise<Refused | Sales> {
  const tally: SalesTally = new Map();
  const leftOut = new Map<LeftOutReason, { rows: number; examples: { line: number; field: RetailColumn | null }[] }>();
  let rowsTaken = 0;
  let isFull = false;
  function leaveOut(reason: LeftOutReason, line: number, field: RetailColumn | null): void {
    const entry = leftOut.get(reason) ?? { rows: 0, examples: [] };
    entry.rows += 1;
    if (entry.examples.length < examplesMax) entry.examples.push({ line, field });
    leftOut.set(reason, entry);
  }
  const read = await readRetailFile({
    file: options.file,
    onRow(row, line) {
      if (isFault(row)) return leaveOut(row.fault, line, row.field);
      const reason = whyNoSale(row);
      if (reason !== null) return leaveOut(reason, line, null);
      rowsTaken += 1;
      isFull ||= !tallySale(tally, row);
    },
    onProgress: (progress) => options.onProgress?.({ phase: 'reading', ...progress }),
  });
  if (isRefused(read)) return read;
  if (isFull) {
    const message = `${options.file} cannot be imported: it has more than ${tallySkusMax} products.`;
    return refuse('input_invalid', message, { path: '$.file' });
  }
  return { rowsRead: read.rowsRead, rowsTaken, leftOut: mostFirst(leftOut), tally };
}

function mostFirst(leftOut: ReadonlyMap<LeftOutReason, Omit<LeftOut, 'reason'>>): LeftOut[] {
  return [...leftOut].map(([reason, rest]) => ({ reason, ...rest })).sort((left, right) => right.rows - left.rows);
}

async function writeCatalogue(
  tx: Transaction,
  options: ImportOptions,
  all: readonly TalliedProduct[],
): Promise<Pick<ImportSummary, 'products' | 'stock'>> {
  const { merchantId, actor, newId } = options;
  const products = { created: 0, updated: 0, unchanged: 0 };
  const stock = { skus: 0, units: 0n };
  for (let start = 0; start < all.length; start += batchProducts) {
    const batch = all.slice(start, start + batchProducts);
    const skus = batch.map((product) => product.sku);
    const titles = batch.map((product) => product.title);
    const pricesMinor = batch.map((product) => product.priceMinor);
    const units = batch.map((product) => product.receivedUnits);
    const changed = await upsertProducts(tx, { merchantId, currency: retailCurrency, skus, titles, pricesMinor });
    const received = await receiveFirstStock(tx, { merchantId, skus, units, actor, reason: 'import', newId });
    const created = changed.filter((row) => row.created).length;
    products.created += created;
    products.updated += changed.length - created;
    products.unchanged += batch.length - changed.length;
    stock.skus += received.length;
    for (const row of received) stock.units += row.units;
    options.onProgress?.({ phase: 'writing', products: start + batch.length, productsTotal: all.length });
  }
  return { products, stock };
}
