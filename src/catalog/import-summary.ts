import type { Left, LeftOutReason, Source } from './import-sources.ts';

/** Rows that were left out for one reason, with the first few of them to look at. Never what they hold. */
export type LeftOut = {
  readonly reason: LeftOutReason;
  readonly rows: number;
  readonly examples: readonly { readonly line: number; readonly field: Left['field'] }[];
};

export type ImportSummary = {
  readonly file: string;
  /** What the rows of the file are. */
  readonly rowsAre: Source['rowsAre'];
  readonly rowsRead: number;
  /** Rows that the products are made of. */
  readonly rowsTaken: number;
  readonly leftOut: readonly LeftOut[];
  readonly products: { readonly created: number; readonly updated: number; readonly unchanged: number };
  /** SKUs that had no stock recorded before, and what was received for them. */
  readonly stock: { readonly skus: number; readonly units: bigint };
};

/** Every reason for which a row is left out, in words. */
export const explanations: Readonly<Record<LeftOutReason, string>> = {
  cancellation: 'cancellations are no sales',
  fee: 'postage, fees, discounts and vouchers are no products',
  negative_quantity: 'corrections of the stock are no sales',
  no_price: 'the price is not above zero',
  no_name: 'the product has no name',
  repeated: 'the SKU stands further up already, and the first row counts',
  card_number: 'a field looks like a card number, which is never kept',
  wrong_columns: 'not as many columns as the first line, or broken quotation marks',
  too_long: 'longer than its limit',
  not_text: 'not UTF-8',
  not_a_number: 'not a number, or too large',
  too_precise: 'more decimals than the currency has',
  not_a_date: 'not a date',
  wrong_form: 'not in the form of its column',
};

const examplesMax = 3;

/** Counts what is left out, by reason. */
export function tallyLeftOut(): { add(left: Left, line: number): void; all(): LeftOut[] } {
  const byReason = new Map<LeftOutReason, { rows: number; examples: { line: number; field: Left['field'] }[] }>();
  return {
    add({ reason, field }, line) {
      const entry = byReason.get(reason) ?? { rows: 0, examples: [] };
      entry.rows += 1;
      if (entry.examples.length < examplesMax) entry.examples.push({ line, field });
      byReason.set(reason, entry);
    },
    all() {
      const all = [...byReason].map(([reason, rest]) => ({ reason, ...rest }));
      return all.sort((left, right) => right.rows - left.rows);
    },
  };
}

/** The summary for people, with a line break at its end. */
export function renderSummary(summary: ImportSummary): string {
  const { file, rowsRead, rowsTaken, rowsAre, products, stock } = summary;
  const lines = [
    `Read ${count(rowsRead, 'row')} of ${file}, took ${number(rowsTaken)} as ${rowsAre}.`,
    ...summary.leftOut.map(renderLeftOut),
    `Products: ${number(products.created)} created, ${number(products.updated)} updated, ` +
      `${number(products.unchanged)} unchanged.`,
    `Stock: ${count(Number(stock.units), 'unit')} received for ${count(stock.skus, 'product')} that had none recorded.`,
  ];
  return `${lines.join('\n')}\n`;
}

/** One reason in one line: how many rows, why, and where to look. */
export function renderLeftOut(left: LeftOut): string {
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
