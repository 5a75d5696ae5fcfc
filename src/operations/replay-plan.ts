import { isCancellation, type RetailLine, whyNoSale } from '../catalog/online-retail.ts';
import { limits } from '../shared/limits.ts';
import { replayCountryOf } from './replay-countries.ts';
import { seededShare } from './replay-seed.ts';

/** One order that a replay buys, or one checkout that it opens and cancels. */
export type PlannedOrder = {
  /** The invoice, with a suffix where it was split or is replayed again: unique in the plan. */
  readonly id: string;
  readonly invoicedAtMs: number;
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[];
  /** ISO 3166-1 alpha-2. */
  readonly country: string;
  readonly buyer: { readonly firstName: string; readonly lastName: string; readonly email: string };
  readonly ends: 'complete' | 'cancel';
  /** Whether the payment method is one that the provider declines. */
  readonly isDeclined: boolean;
  /** 0 up to 1, for choices that a buyer makes, such as which of several declined cards it is. */
  readonly share: number;
};

export type ReplayPlan = {
  /** In the order of the invoices' time. */
  readonly orders: readonly PlannedOrder[];
  readonly counts: {
    readonly invoices: number;
    /** Invoices of postage, fees and corrections alone. */
    readonly invoicesWithoutGoods: number;
    readonly ordersSplitOff: number;
    readonly linesMerged: number;
    readonly quantitiesCapped: number;
    /** Invoices from a country that is not in the table; they are taken for the retailer's home. */
    readonly countriesUnknown: number;
  };
};

export type PlanOptions = {
  /** How many orders; above what the file has, it is gone through again. Null: the file once. */
  readonly orders: number | null;
  readonly seed: string;
  /** 0 to 100. */
  readonly declinePercent: number;
};

const homeCountry = 'GB';

/**
 * Makes checkouts of the invoices of a file, the same ones for the same seed.
 *
 * A cancellation names no invoice that it cancels, so none can be taken back: it becomes a checkout of what was
 * cancelled, which is opened and then cancelled. Corrections of the stock, fees and rows without a price are left out.
 */
export function planReplay(lines: readonly RetailLine[], options: PlanOptions): ReplayPlan {
  const invoices = gather(lines);
  const counts = { ordersSplitOff: 0, linesMerged: 0, quantitiesCapped: 0, countriesUnknown: 0 };
  const once: PlannedOrder[] = [];
  for (const invoice of invoices.values()) {
    if (invoice.rows === 0) continue;
    if (replayCountryOf(invoice.country) === null) counts.countriesUnknown += 1;
    counts.linesMerged += invoice.rows - invoice.units.size;
    const capped = capQuantities(invoice.units);
    counts.quantitiesCapped += capped.filter((line) => line.isCapped).length;
    const parts = split(capped, limits.checkoutLinesMax);
    counts.ordersSplitOff += parts.length - 1;
    for (const [index, part] of parts.entries()) {
      once.push(orderOf(invoice, part, index === 0 ? invoice.number : `${invoice.number}.${index + 1}`, options));
    }
  }
  const invoicesWithoutGoods = [...invoices.values()].filter((invoice) => invoice.rows === 0).length;
  const orders = choose(once.sort(byTime), options);
  return { orders, counts: { invoices: invoices.size, invoicesWithoutGoods, ...counts } };
}

type Invoice = {
  readonly number: string;
  readonly customer: string | null;
  readonly country: string;
  invoicedAtMs: number;
  /** Rows of goods. */
  rows: number;
  readonly units: Map<string, number>;
};

function gather(lines: readonly RetailLine[]): Map<string, Invoice> {
  const invoices = new Map<string, Invoice>();
  for (const line of lines) {
    const { invoice: number, customer, country, invoicedAtMs } = line;
    const invoice = invoices.get(number) ?? { number, customer, country, invoicedAtMs, rows: 0, units: new Map() };
    invoices.set(number, invoice);
    invoice.invoicedAtMs = Math.min(invoice.invoicedAtMs, invoicedAtMs);
    if (!isGoods(line)) continue;
    invoice.rows += 1;
    invoice.units.set(line.sku, (invoice.units.get(line.sku) ?? 0) + Math.abs(line.quantity));
  }
  return invoices;
}

/** A sale, or what would be one if it had not been cancelled. */
function isGoods(line: RetailLine): boolean {
  if (!isCancellation(line)) return whyNoSale(line) === null;
  return whyNoSale({ ...line, invoice: line.invoice.slice(1), quantity: -line.quantity }) === null;
}

type CappedLine = { readonly sku: string; readonly quantity: number; readonly isCapped: boolean };

function capQuantities(units: ReadonlyMap<string, number>): CappedLine[] {
  return [...units].sort().map(([sku, quantity]) => ({
    sku,
    quantity: Math.min(quantity, limits.lineQuantityMax),
    isCapped: quantity > limits.lineQuantityMax,
  }));
}

function split<T>(all: readonly T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let start = 0; start < all.length; start += size) parts.push(all.slice(start, start + size));
  return parts;
}

function orderOf(invoice: Invoice, lines: readonly CappedLine[], id: string, options: PlanOptions): PlannedOrder {
  const isCancelled = invoice.number.startsWith('C');
  return {
    id,
    invoicedAtMs: invoice.invoicedAtMs,
    lines: lines.map(({ sku, quantity }) => ({ sku, quantity })),
    country: replayCountryOf(invoice.country) ?? homeCountry,
    buyer: buyerOf(invoice),
    ends: isCancelled ? 'cancel' : 'complete',
    isDeclined: !isCancelled && seededShare(options.seed, `decline ${id}`) * 100 < options.declinePercent,
    share: seededShare(options.seed, `share ${id}`),
  };
}

const firstNames = ['Ada', 'Bela', 'Chidi', 'Dana', 'Emre', 'Fumiko', 'Grace', 'Hugo', 'Ines', 'Jun', 'Kofi'] as const;
const lastNames = ['Archer', 'Baker', 'Cooper', 'Dyer', 'Fuller', 'Glover', 'Hooper', 'Mason', 'Potter'] as const;

/**
 * Nobody real: the data set has numbers for its customers, and none for one row in four. A replay puts a year into
 * minutes, so the address carries the hour of the invoice, and whoever counts a buyer's orders per hour counts what
 * they would have counted then.
 */
function buyerOf(invoice: Invoice): PlannedOrder['buyer'] {
  const name = invoice.customer === null ? `guest-${invoice.number}` : `customer-${invoice.customer}`;
  const hour = new Date(invoice.invoicedAtMs).toISOString().slice(0, 13).toLowerCase();
  return {
    firstName: firstNames[Math.floor(seededShare('first name', name) * firstNames.length)] ?? 'Ada',
    lastName: lastNames[Math.floor(seededShare('last name', name) * lastNames.length)] ?? 'Archer',
    email: `${name.toLowerCase()}.${hour}@example.com`,
  };
}

function byTime(left: PlannedOrder, right: PlannedOrder): number {
  return left.invoicedAtMs - right.invoicedAtMs || (left.id < right.id ? -1 : 1);
}

/** A seeded choice of so many, still in the order of time; whole rounds first where more are wanted than there are. */
function choose(once: readonly PlannedOrder[], options: PlanOptions): PlannedOrder[] {
  const wanted = once.length === 0 ? 0 : (options.orders ?? once.length);
  const orders: PlannedOrder[] = [];
  for (let round = 1; orders.length < wanted; round += 1) {
    const left = wanted - orders.length;
    const part = left >= once.length ? once : chooseSome(once, left, `${options.seed} round ${round}`);
    for (const order of part) orders.push(round === 1 ? order : again(order, round));
  }
  return orders;
}

function chooseSome(once: readonly PlannedOrder[], wanted: number, seed: string): PlannedOrder[] {
  return once
    .map((order) => ({ order, rank: seededShare(seed, order.id) }))
    .sort((left, right) => left.rank - right.rank || byTime(left.order, right.order))
    .slice(0, wanted)
    .map(({ order }) => order)
    .sort(byTime);
}

function again(order: PlannedOrder, round: number): PlannedOrder {
  const email = order.buyer.email.replace('@', `.round${round}@`);
  return { ...order, id: `${order.id}.round${round}`, buyer: { ...order.buyer, email } };
}
