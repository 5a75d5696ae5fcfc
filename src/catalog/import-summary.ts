import type { NoSaleReason, RetailColumn, RowFault } from './online-retail.ts';

export type LeftOutReason = NoSaleReason | RowFault['fault'];

/** Rows that were left out for one reason, with the first few of them to look at. */
export type LeftOut = {
  readonly reason: LeftOutReason;
  readonly rows: number;
  readonly examples: readonly { readonly line: number; readonly field: RetailColumn | null }[];
};

export type ImportSummary = {
  readonly file: string;
  readonly rowsRead: number;
  /** Rows that are sales: the catalogue is made of them. */
  readonly rowsTaken: number;
  readonly leftOut: readonly LeftOut[];
  readonly products: { readonly created: number; readonly updated: number; readonly unchanged: number };
  /** SKUs that had no stock recorded before, and what was received for them. */
  readonly stock: { readonly skus: number; readonly units: bigint };
};

const explanations: Readonly<Record<LeftOutReason, string>> = {
  cancellation: 'cancellations are no sales',
  fee: 'postage, fees, discounts and vouchers are no products',
  negative_quantity: 'corrections of the stock are no sales',
  no_price: 'nobody paid for it',
  no_name: 'the product has no name',
  wrong_columns: 'not eight columns, or broken quotation marks',
  too_long: 'longer than its limit',
  not_text: 'not UTF-8',
  not_a_number: 'not a number',
  not_a_date: 'not a date',
  wrong_form: 'not in the form of its column',
  card_number: 'looks like a card number, which is kept nowhere',
};

/** The summary for people, with a line break at its end. */
export function renderSummary(summary: ImportSummary): string {
  const { products, stock } = summary;
  const lines = [
    `Read ${count(summary.rowsRead, 'row')} of ${summary.file}, took ${number(summary.rowsTaken)} as sales.`,
    ...summary.leftOut.map(renderLeftOut),
    `Products: ${number(products.created)} created, ${number(products.updated)} updated, ` +
      `${number(products.unchanged)} unchanged.`,
    `Stock: ${count(Number(stock.units), 'unit')} received for ${count(stock.skus, 'product')} that had none recorded.`,
  ];
  return `${lines.join('\n')}\n`;
}

function renderLeftOut(left: LeftOut): string {
  const where = left.examples.map(({ line, field }) => (field === null ? `${line}` : `${line} (${field})`)).join(', ');
  const what = `${number(left.rows).padStart(9)}  ${left.reason.padEnd(18)}`;
  const more = left.rows > left.examples.length ? ', …' : '';
  return `${what} ${explanations[left.reason]}; line${left.rows === 1 ? '' : 's'} ${where}${more}`;
}

function count(amount: number, noun: string): string {
  return `${number(amount)} ${noun}${amount === 1 ? '' : 's'}`;
}

function number(amount: number): string {
  return amount.toString().replace(/\B(?=(\d{3})+$)/g, ',');
}
