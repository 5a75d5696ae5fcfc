import { jsonOf, later, type Statements, statement } from '../statement.ts';

/** src/checkout/checkout.sql.ts */
export const ofCheckout: Statements = {
  read_checkouts: statement<[string[]]>((run, [checkoutIds]) => {
    return run.rows('checkouts', { is: (c) => checkoutIds.includes(c.checkout_id) }).flatMap((c) => {
      const quote = run.row('quotes', [c.checkout_id, c.quote_version]);
      if (quote === null) return [];
      const order = c.order_id === null ? null : run.row('orders', [c.order_id]);
      return [
        {
          checkoutId: c.checkout_id,
          merchantId: c.merchant_id,
          callerId: c.caller_id,
          status: c.status,
          isExpired: c.expires_at <= run.now,
          expiresAt: c.expires_at,
          version: quote.version,
          currency: quote.currency,
          content: quote.content,
          orderId: order?.order_id ?? null,
          orderStatus: order?.status ?? null,
          cancelCode: order?.cancel_code ?? null,
        },
      ];
    });
  }),

  read_quote: statement<[string, number]>((run, key) => {
    const quote = run.row('quotes', key);
    return quote === null ? [] : [{ version: quote.version, currency: quote.currency, content: quote.content }];
  }),

  lock_checkout: statement<[string]>((run, key) => run.lock('checkouts', { key }).map(() => ({ '?column?': 1 }))),

  insert_checkout: statement<[string, string, string, string, bigint, string, number]>((run, values) => {
    const [checkout_id, merchant_id, caller_id, currency, total_minor, content, lifeMs] = values;
    const expires_at = later(run.now, lifeMs);
    run.insert('quotes', { checkout_id, version: 1, merchant_id, currency, total_minor, content: jsonOf(content) });
    run.insert('checkouts', { checkout_id, merchant_id, caller_id, status: 'open', quote_version: 1, expires_at });
    return 1;
  }),

  insert_quote: statement<[string, number, string, string, bigint, string]>((run, values) => {
    const [checkout_id, version, merchant_id, currency, total_minor, content] = values;
    const changed = run.update('checkouts', { key: [checkout_id] }, () => {
      return { quote_version: version, status: 'open' as const, order_id: null, updated_at: run.now };
    });
    run.insert('quotes', { checkout_id, version, merchant_id, currency, total_minor, content: jsonOf(content) });
    return changed.length;
  }),

  cancel_checkout: statement<[string]>((run, key) => {
    return run.update('checkouts', { key }, () => ({
      status: 'cancelled' as const,
      order_id: null,
      updated_at: run.now,
    })).length;
  }),

  read_commit_key: statement<[string, string, string, string]>((run, key) => {
    const kept = run.row('commit_keys', key);
    if (kept === null) return [];
    const { version = null, notices = [] } = kept.outcome as { version?: number; notices?: unknown[] };
    return [{ requestSha256: kept.request_sha256, checkoutId: kept.checkout_id, version, notices }];
  }),

  insert_commit_key: statement<[string, string, 'create' | 'update' | 'cancel', string, Uint8Array, string, string]>(
    (run, [merchant_id, caller_id, operation, idempotency_key, request_sha256, checkout_id, outcome]) => {
      run.insert('commit_keys', {
        merchant_id,
        caller_id,
        operation,
        idempotency_key,
        request_sha256,
        checkout_id,
        outcome: jsonOf(outcome),
      });
      return 1;
    },
  ),
};
