import { type Statements, statement } from '../statement.ts';

/** src/orders/orders.sql.ts and src/orders/timeline.sql.ts, src/fraud/facts.sql.ts */
export const ofOrders: Statements = {
  read_order: statement<[string, string, string]>((run, [merchantId, callerId, orderId]) =>
    run
      .rows('orders', { key: [orderId], is: (o) => o.merchant_id === merchantId && o.caller_id === callerId })
      .map((order) => ({
        checkoutId: order.checkout_id,
        status: order.status,
        cancelCode: order.cancel_code,
        currency: order.currency,
        content: run.row('quotes', [order.checkout_id, order.quote_version])?.content,
        placedAt: order.created_at,
      })),
  ),

  read_order_outcomes: statement<[string[]]>((run, [orderIds]) =>
    run
      .rows('orders', { is: ({ order_id }) => orderIds.includes(order_id) })
      .map(({ order_id: orderId, status, cancel_code: cancelCode }) => ({ orderId, status, cancelCode })),
  ),

  last_timeline_sequences: statement<[string[]]>((run, [orderIds]) => {
    const last = new Map<string, number>();
    for (const { order_id, sequence } of run.rows('order_timeline', {
      is: (entry) => orderIds.includes(entry.order_id),
    })) {
      last.set(order_id, Math.max(sequence, last.get(order_id) ?? 0));
    }
    return [...last].map(([orderId, sequence]) => ({ orderId, last: sequence }));
  }),

  insert_timeline_entries: statement<[string[], number[], string[], string[], Date[]]>((run, values) => {
    const [orderIds, sequences, types, tales, times] = values;
    orderIds.forEach((order_id, index) => {
      run.insert('order_timeline', {
        order_id,
        sequence: sequences[index] ?? 0,
        type: types[index] ?? '',
        happened: tales[index] ?? '',
        occurred_at: times[index] ?? run.now,
      });
    });
    return orderIds.length;
  }),

  orders_in_last_hour: statement<[string[]]>((run, [orderIds]) =>
    orderIds.flatMap((orderId) => {
      const order = run.row('orders', [orderId]);
      if (order === null) return [];
      const { merchant_id, buyer_sha256: buyer } = order;
      const since = run.now.getTime() - 60 * 60_000;
      const recent = run.rows('orders', {
        is: (other) =>
          buyer !== null &&
          other.merchant_id === merchant_id &&
          other.buyer_sha256 !== null &&
          Buffer.compare(other.buyer_sha256, buyer) === 0 &&
          other.created_at.getTime() > since,
      });
      return [{ orderId, count: Math.min(recent.length, 1_000) }];
    }),
  ),
};
