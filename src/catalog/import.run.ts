import { receiveFirstStock } from '../inventory/stock.sql.ts';
import { present } from '../shared/assert.ts';
import { isRefused, type Refused, refuse } from '../shared/failure.ts';
import type { NewId } from '../shared/ids.ts';
import type { Currency } from '../shared/money.ts';
import type { Database, Transaction } from '../shared/postgres/client.ts';
import { type ReadProgress, readCsvFile, refuseFile } from './csv-file.run.ts';
import { readMerchantCurrency, upsertProducts } from './import.sql.ts';
import { columnsOfSources, type Source, sourceOf } from './import-sources.ts';
import { type ImportSummary, renderLeftOut, tallyLeftOut } from './import-summary.ts';
import { retailCurrency } from './online-retail.ts';
import type { ListedProduct } from './product-list.ts';
import { tallySkusMax } from './sales-tally.ts';

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

/**
 * Makes products of the rows of a file: of a plain list with prices in the merchant's currency, or of order lines. The
 * file is read to its end before anything is written, and all is written in one transaction: an import happens whole or
 * not at all. A second import brings titles and prices up to date and leaves stock alone; checkouts that were quoted
 * before keep their quote, and are refused with what changed when they are completed.
 */
export async function runImport(options: ImportOptions): Promise<Refused | ImportSummary> {
  const currency = await readMerchantCurrency(options.database, options.merchantId);
  if (currency === null)
    return refuse('not_found', `There is no merchant ${options.merchantId}.`, { path: '$.merchant' });
  const read = await readSource(options, currency);
  if (isRefused(read)) return read;
  const { source, ...rows } = read;
  const { file } = options;
  if (source.isFull()) return refuseFile(file, `it has more than ${tallySkusMax} products`);
  const products = source.products();
  if (products.length === 0) return refuseEmpty(file, rows);
  const written = await options.database.transaction((tx) => writeCatalogue(tx, options, currency, products));
  return { file, rowsAre: source.rowsAre, ...rows, ...written };
}

type Rows = Pick<ImportSummary, 'rowsRead' | 'rowsTaken' | 'leftOut'>;

async function readSource(options: ImportOptions, currency: Currency): Promise<Refused | (Rows & { source: Source })> {
  const { file, merchantId, onProgress } = options;
  const leftOut = tallyLeftOut();
  let source: Source | null = null;
  let rowsTaken = 0;
  const read = await readCsvFile({
    file,
    expected: columnsOfSources,
    begin(names) {
      const found = sourceOf(names, currency);
      if (found === null) return null;
      if (found.rowsAre === 'sales' && currency !== retailCurrency) return refuseCurrency(merchantId, currency);
      source = found;
      return (fields, line) => {
        const left = found.take(fields);
        if (left === null) rowsTaken += 1;
        else leftOut.add(left, line);
      };
    },
    onProgress: (progress) => onProgress?.({ phase: 'reading', ...progress }),
  });
  if (isRefused(read)) return read;
  return {
    source: present<Source>(source, 'the kind of a file that was read'),
    rowsRead: read.rowsRead,
    rowsTaken,
    leftOut: leftOut.all(),
  };
}

function refuseCurrency(merchantId: string, currency: Currency): Refused {
  const message =
    `The prices of order lines are in ${retailCurrency}, and ${merchantId} sells in ${currency}: ` +
    'import a list of products.';
  return refuse('currency_unsupported', message, { path: '$.merchant' });
}

/** Nothing was imported, and that is no success: what was left out, and why, is all there is to say. */
function refuseEmpty(file: string, { rowsRead, leftOut }: Rows): Refused {
  const reason = rowsRead === 0 ? 'it has no rows' : `none of its rows can be taken`;
  const refusal = refuseFile(file, reason);
  const message = [refusal.message, ...leftOut.map(renderLeftOut)].join('\n');
  return { ...refusal, message, details: { rowsRead, leftOut } };
}

async function writeCatalogue(
  tx: Transaction,
  options: ImportOptions,
  currency: Currency,
  all: readonly ListedProduct[],
): Promise<Pick<ImportSummary, 'products' | 'stock'>> {
  const { merchantId } = options;
  const products = { created: 0, updated: 0, unchanged: 0 };
  const stock = { skus: 0, units: 0n };
  for (let start = 0; start < all.length; start += batchProducts) {
    const batch = all.slice(start, start + batchProducts);
    const skus = batch.map((product) => product.sku);
    const titles = batch.map((product) => product.title);
    const pricesMinor = batch.map((product) => product.priceMinor);
    const changed = await upsertProducts(tx, { merchantId, currency, skus, titles, pricesMinor });
    const received = await receiveStock(tx, options, batch);
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

/** The first stock of those that have none yet. Nothing is received where the file says nothing, or zero. */
function receiveStock(tx: Transaction, options: ImportOptions, batch: readonly ListedProduct[]) {
  const { merchantId, actor, newId } = options;
  const stocked = batch.flatMap(({ sku, receivedUnits }) => (receivedUnits ? [{ sku, receivedUnits }] : []));
  const skus = stocked.map(({ sku }) => sku);
  const units = stocked.map(({ receivedUnits }) => receivedUnits);
  return receiveFirstStock(tx, { merchantId, skus, units, actor, reason: 'import', newId });
}
