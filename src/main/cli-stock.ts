import type { Command } from 'commander';
import { every } from '../shared/clock.ts';
import { isRefused, refuse } from '../shared/failure.ts';
import { byOf, byOption, limitOption, shortText, units, withoutCardNumber } from './cli-options.ts';
import type { Answer, Run, Session } from './cli-session.ts';

/** `onetill stock …` and `onetill import …`: what there is to sell. */
export function addStock(program: Command, run: Run): void {
  const stock = program.command('stock').description('what is in stock, and how it is set after a count');
  stock
    .command('show')
    .description('the stock of one product')
    .argument('<sku>', 'the product')
    .action((sku: string, _options: object, command: Command) => run(command, (session) => showOne(session, sku)));
  stock
    .command('list')
    .description('the stock of products in the order of their SKUs')
    .option('--after <sku>', 'only those behind this one: for the next page')
    .addOption(limitOption())
    .action((options: { after?: string; limit: number }, command: Command) =>
      run(command, async ({ database, merchantId }) => {
        const { listStock } = await import('../inventory/stock.sql.ts');
        const { levelDocument, renderLevels } = await import('../operations/stock-screen.ts');
        const { limit } = options;
        const levels = await listStock(database, { merchantId, afterSku: options.after ?? null, limit });
        const next = levels.length < limit ? null : (levels.at(-1)?.sku ?? null);
        const document = { stock: levels.map(levelDocument), next_after: next };
        return { document, text: (paint) => renderLevels(levels, paint, options.after === undefined) };
      }),
    );
  stock
    .command('set')
    .description('what lies in the store after a count: held and free units together')
    .argument('<sku>', 'the product')
    .argument('<units>', 'units on hand', units)
    .addOption(byOption())
    .requiredOption('--reason <text>', 'why, such as counted, delivered or broken', shortText)
    .action((sku: string, onHand: bigint, options: { by?: string; reason: string }, command: Command) =>
      run(command, (session) => setOne(session, sku, onHand, options)),
    );
  program
    .command('import')
    .description('the catalogue from a file')
    .command('products')
    .description('products, their prices and their first stock from a file (CSV, or CSV in gzip)')
    .argument('<file>', 'the file', withoutCardNumber)
    .addOption(byOption())
    .action((file: string, options: { by?: string }, command: Command) =>
      run(command, (session) => importFile(session, file, byOf(session.io, options))),
    )
    .addHelpText('after', columnsOfFiles);
}

const columnsOfFiles = `
The first line of the file names its columns, and by them it is known what it is:

  sku,title,price,stock
      products: a price such as 12.50 in the merchant's currency; stock only counts for products that have none yet
  InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
      order lines, of which products are made

docs/importing.md says what each column takes, and why rows are left out.
`;

async function showOne({ database, merchantId }: Session, sku: string): Promise<Answer> {
  const { showStock } = await import('../inventory/stock.sql.ts');
  const { levelDocument, renderLevels } = await import('../operations/stock-screen.ts');
  const level = await showStock(database, merchantId, sku);
  if (level === null) return refuse('not_found', `${merchantId} has no stock of ${sku}.`);
  return { document: levelDocument(level), text: (paint) => renderLevels([level], paint) };
}

async function setOne(
  session: Session,
  sku: string,
  onHandUnits: bigint,
  options: { by?: string; reason: string },
): Promise<Answer> {
  const { recordCount } = await import('../operations/count.run.ts');
  const { levelDocument, renderLevels } = await import('../operations/stock-screen.ts');
  const deed = { ...session, by: byOf(session.io, options) };
  const level = await recordCount(deed, { sku, onHandUnits, reason: options.reason });
  if (isRefused(level)) return level;
  return { document: levelDocument(level), text: (paint) => renderLevels([level], paint) };
}

async function importFile(session: Session, file: string, by: string): Promise<Answer> {
  const { importCatalogue } = await import('../operations/import.run.ts');
  const { renderSummary } = await import('../catalog/import.cli.ts');
  const { io } = session;
  let line = '';
  const show = (): void => io.err(io.errIsTerminal ? `\r${line}\u001b[K` : `${line}\n`);
  const stopShowing = every(io.errIsTerminal ? 250 : 2_000, show);
  const summary = await importCatalogue({ ...session, by }, file, (progress) => {
    const { phase } = progress;
    line = phase === 'reading' ? 'reading …' : `writing ${progress.products} of ${progress.productsTotal} …`;
  }).finally(stopShowing);
  if (io.errIsTerminal) io.err('\r\u001b[K');
  if (isRefused(summary)) return summary;
  return { document: summary, text: () => renderSummary(summary) };
}
