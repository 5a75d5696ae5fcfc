import type { Running } from '../running.ts';
import type { Row } from '../schema.ts';
import { byText, int8, jsonOf, later, type Statements, statement } from '../statement.ts';
import { offerOf } from './catalog.ts';

/**
 * src/checkout/commit.sql.ts. The parts of one statement are written in the order in which the server runs them: that
 * which the result needs, then the rest from the last one to the first. It decides which error comes and who waits.
 */
export const ofCommit: Statements = {
  read_complete_keys: statement<[string[], string[], string[]]>((run, [merchantIds, callerIds, keys]) =>
    merchantIds.flatMap((merchantId, index) => {
      const known = run.row('commit_keys', [merchantId, callerIds[index], 'complete', keys[index]]);
      if (known === null) return [];
      return [{ position: BigInt(index + 1), requestSha256: known.request_sha256, outcome: known.outcome }];
    }),
  ),

  lock_stock: statement<[string[], string[]]>((run, [merchantIds, skus]) => {
    const wanted = new Set(skus.map((sku, index) => JSON.stringify([merchantIds[index], sku])));
    const locked = run.lock(
      'stock',
      {
        is: ({ merchant_id, sku }) =>
          wanted.has(JSON.stringify([merchant_id, sku])) && run.row('products', [merchant_id, sku]) !== null,
      },
      { by: (left, right) => byText(left.merchant_id, right.merchant_id) || byText(left.sku, right.sku) },
    );
    return locked.map((stock) => offerOf(run, stock));
  }),

  write_commit: statement<[string, string, string[], string, string, string, string[], bigint[]]>((run, values) => {
    const [orders, lines, holdMerchants, reservations, keys, quotes, holdSkus, holdUnits] = values;
    const newOrders = jsonOf<NewOrder[]>(orders);
    const newQuotes = jsonOf<NewQuote[]>(quotes);
    const written = [
      ...newOrders.flatMap((order) => take(run, order)),
      ...newQuotes.flatMap((quote) => reprice(run, quote)),
    ];
    for (const order of newOrders) insertOrderRows(run, order);
    for (const reservation of jsonOf<NewReservation[]>(reservations)) {
      run.insert('reservations', { ...reservation, units: int8(reservation.units), status: 'held' });
    }
    for (const line of jsonOf<NewLine[]>(lines)) {
      const [unit_price_minor, total_minor] = [int8(line.unit_price_minor), int8(line.total_minor)];
      run.insert('order_lines', { ...line, unit_price_minor, total_minor });
    }
    for (const order of newOrders) insertOrder(run, order);
    holdSkus.forEach((sku, index) => {
      const units = int8(holdUnits[index] ?? 0n);
      run.update('stock', { key: [holdMerchants[index], sku] }, (stock) => ({ held_units: stock.held_units + units }));
    });
    for (const { seen_order_id: _, ...quote } of newQuotes) {
      run.insert('quotes', { ...quote, total_minor: int8(quote.total_minor) });
    }
    for (const key of jsonOf<NewKey[]>(keys)) {
      const request_sha256 = Buffer.from(key.request_sha256, 'hex');
      run.insert('commit_keys', { ...key, operation: 'complete', request_sha256 });
    }
    return [{ taken: written.length }];
  }),
};

type NewOrder = {
  readonly order_id: string;
  readonly merchant_id: string;
  readonly caller_id: string;
  readonly checkout_id: string;
  readonly quote_version: number;
  readonly currency: string;
  readonly total_minor: string;
  readonly buyer_sha256: string | null;
  readonly ship_to_country: string;
  readonly billing_country: string | null;
  readonly deadline_in_ms: number;
  readonly payment_id: string;
  readonly provider: string;
  readonly token: string;
  readonly saga: string;
  readonly saga_version: number;
  readonly message_id: string;
  readonly queue: string;
  readonly message_type: string;
  readonly message_version: number;
  readonly event_id: string;
  readonly event_version: number;
  readonly event_data: unknown;
  readonly entry_id: string;
  readonly traceparent: string | null;
};

function take(run: Running, { checkout_id, quote_version, order_id }: NewOrder): object[] {
  const isAsRead = (checkout: Row<'checkouts'>): boolean =>
    checkout.quote_version === quote_version && checkout.status !== 'cancelled';
  return run.update('checkouts', { key: [checkout_id], is: isAsRead }, () => {
    return { status: 'completing' as const, order_id, updated_at: run.now };
  });
}

function reprice(run: Running, { checkout_id, version, seen_order_id }: NewQuote): object[] {
  const isAsRead = (checkout: Row<'checkouts'>): boolean =>
    checkout.quote_version === version - 1 && checkout.status !== 'cancelled' && checkout.order_id === seen_order_id;
  return run.update('checkouts', { key: [checkout_id], is: isAsRead }, () => {
    return { quote_version: version, status: 'open' as const, order_id: null, updated_at: run.now };
  });
}

function insertOrder(run: Running, order: NewOrder): void {
  const { buyer_sha256: buyer } = order;
  run.insert('orders', {
    order_id: order.order_id,
    merchant_id: order.merchant_id,
    caller_id: order.caller_id,
    checkout_id: order.checkout_id,
    quote_version: order.quote_version,
    status: 'pending',
    currency: order.currency,
    total_minor: int8(order.total_minor),
    buyer_sha256: buyer === null ? null : Buffer.from(buyer, 'hex'),
    ship_to_country: order.ship_to_country,
    billing_country: order.billing_country,
    deadline_at: later(run.now, order.deadline_in_ms),
    next_sequence: 2,
  });
}

/** What is written with an order, row by row. */
function insertOrderRows(run: Running, order: NewOrder): void {
  const { order_id, merchant_id, caller_id, checkout_id, currency, traceparent, message_type: type } = order;
  const own = { merchant_id, order_id };
  const actor = `caller ${caller_id}`;
  const audited = { action: 'order committed', detail: `checkout chk_${checkout_id}` };
  run.insert('audit_entries', { ...own, entry_id: order.entry_id, actor, ...audited });
  run.insert('domain_events', {
    ...own,
    position: run.nextPosition(),
    transaction_id: run.transactionId(),
    event_id: order.event_id,
    sequence: 1,
    type: 'OrderPending',
    schema_version: order.event_version,
    data: order.event_data,
    traceparent,
  });
  const sent = { queue: order.queue, type, schema_version: order.message_version, idempotency_key: order_id };
  run.insert('messages', { ...own, message_id: order.message_id, ...sent, payload: {}, traceparent });
  const done = { status: 'done', undo: 'registered', attempts: 1, ended_at: run.now } as const;
  run.insert('saga_steps', { order_id, step: 'hold-stock', position: 0, ...done });
  run.insert('sagas', { ...own, name: order.saga, version: order.saga_version, status: 'running' });
  const { payment_id, provider, token } = order;
  const intended = { provider, token, status: 'intended', currency, amount_minor: int8(order.total_minor) } as const;
  run.insert('payments', { ...own, payment_id, ...intended });
}

type NewQuote = {
  readonly checkout_id: string;
  readonly version: number;
  readonly merchant_id: string;
  readonly currency: string;
  readonly total_minor: string;
  readonly content: unknown;
  readonly seen_order_id: string | null;
};
type NewKey = {
  readonly merchant_id: string;
  readonly caller_id: string;
  readonly idempotency_key: string;
  readonly request_sha256: string;
  readonly checkout_id: string;
  readonly outcome: unknown;
  readonly order_id: string | null;
};
type NewLine = {
  readonly order_id: string;
  readonly line_number: number;
  readonly sku: string;
  readonly title: string;
  readonly quantity: number;
  readonly unit_price_minor: string;
  readonly total_minor: string;
};
type NewReservation = {
  readonly order_id: string;
  readonly sku: string;
  readonly merchant_id: string;
  readonly units: number;
};
