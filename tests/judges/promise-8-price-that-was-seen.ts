import type { Evidence, Tables } from './evidence.ts';
import type { Judge, Violation } from './judge.ts';
import { byOrder, entriesByOrder, groupedBy, type OrderRow } from './lookups.ts';

type Quote = Tables['quotes'][number];
type Line = Tables['order_lines'][number];

/**
 * The price charged is the price that the buyer saw: what the client had been shown, the quote, the order, its lines,
 * the payment and the provider's books are one amount in one currency, and the parts add up to it.
 */
export const priceThatWasSeen: Judge = {
  promise: 8,
  file: 'tests/judges/promise-8-price-that-was-seen.ts',
  compares: "what clients had been shown against the quote, the order, the payment and the provider's books",
  judge({ ours, theirs, history }) {
    const quotes = new Map(ours.quotes.map((quote) => [`${quote.checkout_id} ${quote.version}`, quote]));
    const lines = byOrder(ours.order_lines);
    const payments = byOrder(ours.payments);
    const entries = entriesByOrder(theirs);
    const keys = byOrder(ours.commit_keys);
    const calls = groupedBy(
      history.filter(({ operation }) => operation === 'complete'),
      (call) => `${call.checkoutId} ${call.idempotencyKey}`,
    );
    return [
      ...ours.quotes.flatMap(addsUp),
      ...shownQuotes(ours, history),
      ...ours.orders.flatMap((order) => {
        const quote = quotes.get(`${order.checkout_id} ${order.quote_version}`);
        if (quote === undefined) return [about(order, `its quote ${order.quote_version} is not there`)];
        const key = keys.get(order.order_id)?.[0]?.idempotency_key;
        return [
          ...amounts(order, quote, payments.get(order.order_id) ?? [], entries.get(order.order_id) ?? []),
          ...sameLines(order, quote, lines.get(order.order_id) ?? []),
          ...seen(order, calls.get(`${order.checkout_id} ${key}`) ?? []),
        ];
      }),
    ];
  },
};

function about(order: OrderRow, says: string): Violation {
  return { promise: 8, subject: `order ${order.order_id}`, says };
}

function amounts(
  order: OrderRow,
  quote: Quote,
  payments: Tables['payments'],
  entries: Evidence['theirs'],
): Violation[] {
  const quoted = `${quote.total_minor} ${quote.currency}`;
  const others: [string, string][] = [
    ['the order', `${order.total_minor} ${order.currency}`],
    ...payments.map((each): [string, string] => ['the payment', `${each.amount_minor} ${each.currency}`]),
    ...entries.map((each): [string, string] => [`authorisation ${each.id}`, `${each.amountMinor} ${each.currency}`]),
  ];
  return others
    .filter(([, amount]) => amount !== quoted)
    .map(([what, amount]) => about(order, `quoted ${quoted}, and ${what} is of ${amount}`));
}

/** The content as it is stored: amounts are decimal strings. Null where it cannot be read. */
type Content = {
  readonly lines: readonly { sku: string; quantity: number; unitPriceMinor: string; totalMinor: string }[];
  readonly shippingMinor: string;
  readonly subtotalMinor: string;
  readonly totalMinor: string;
};

function contentOf({ content }: Quote): Content | null {
  const known = content as Partial<Content> | null;
  const isWhole = Array.isArray(known?.lines) && known.shippingMinor !== undefined && known.totalMinor !== undefined;
  return isWhole ? (content as Content) : null;
}

function addsUp(quote: Quote): Violation[] {
  const say = (says: string): Violation[] => [
    { promise: 8, subject: `quote ${quote.version} of checkout ${quote.checkout_id}`, says },
  ];
  const content = contentOf(quote);
  if (content === null) return say('its content cannot be read');
  const lines = content.lines.map((line) => ({
    ...line,
    isSound: BigInt(line.totalMinor) === BigInt(line.unitPriceMinor) * BigInt(line.quantity),
  }));
  const goods = lines.reduce((sum, line) => sum + BigInt(line.totalMinor), 0n);
  const total = goods + BigInt(content.shippingMinor);
  const wrong = lines.filter(({ isSound }) => !isSound).map(({ sku }) => sku);
  return [
    ...(wrong.length > 0 ? say(`the lines of ${wrong.join(', ')} are not price times quantity`) : []),
    ...(goods !== BigInt(content.subtotalMinor) ? say(`its lines are ${goods}, not ${content.subtotalMinor}`) : []),
    ...(total !== quote.total_minor || total !== BigInt(content.totalMinor)
      ? say(`lines and shipping are ${total}, the totals ${content.totalMinor} and ${quote.total_minor}`)
      : []),
  ];
}

function sameLines(order: OrderRow, quote: Quote, lines: readonly Line[]): Violation[] {
  const quoted = (contentOf(quote)?.lines ?? []).map(
    ({ sku, quantity, unitPriceMinor, totalMinor }) => `${quantity} ${sku} at ${unitPriceMinor} = ${totalMinor}`,
  );
  const bought = [...lines]
    .sort((left, right) => left.line_number - right.line_number)
    .map(({ sku, quantity, unit_price_minor, total_minor }) => {
      return `${quantity} ${sku} at ${unit_price_minor} = ${total_minor}`;
    });
  if (quoted.join('; ') === bought.join('; ')) return [];
  return [about(order, `quoted ${quoted.join('; ') || 'nothing'}, and its lines are ${bought.join('; ') || 'none'}`)];
}

/** The order's total was shown to whoever asked for it, before and with the answer. */
function seen(order: OrderRow, calls: Evidence['history']): Violation[] {
  const shown = calls.flatMap(({ seenTotalMinor }) => (seenTotalMinor === null ? [] : [seenTotalMinor]));
  const answered = calls.flatMap(({ outcome }) =>
    outcome.kind === 'ok' && outcome.totalMinor !== null ? [outcome.totalMinor] : [],
  );
  const found: (string | false)[] = [
    shown.length > 0 && !shown.includes(order.total_minor) && `${shown[0]} were seen, ${order.total_minor} ordered`,
    ...answered.map((total) => total !== order.total_minor && `${total} were answered, ${order.total_minor} ordered`),
  ];
  return found.flatMap((says) => (says === false ? [] : [about(order, says)]));
}

/** Whatever total a client was shown is that of a quote that stands. */
function shownQuotes(ours: Tables, history: Evidence['history']): Violation[] {
  const standing = new Set(ours.quotes.map(({ checkout_id, total_minor }) => `${checkout_id} ${total_minor}`));
  return history.flatMap(({ outcome, checkoutId, number, operation }): Violation[] => {
    if (outcome.kind !== 'ok' || outcome.totalMinor === null) return [];
    const id = outcome.shownCheckoutId ?? checkoutId;
    if (id === null || standing.has(`${id} ${outcome.totalMinor}`)) return [];
    const says = `a total of ${outcome.totalMinor} was shown, and no quote has it`;
    return [{ promise: 8, subject: `${operation} of checkout ${id}, call ${number}`, says }];
  });
}
