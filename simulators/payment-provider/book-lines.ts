import { type Books, view } from './books.ts';

/**
 * The books as JSON lines for judges: every authorisation with its movements and how often its keys arrived, then every
 * key that moved nothing, then totals of what was listed, per currency.
 */
export function* bookLines(books: Books): Generator<string> {
  const movingKeys = new Set<string>();
  const totals = new Map<string, Record<'authorised' | 'captured' | 'refunded' | 'voided', number>>();
  const counts = { authorisations: 0, declined: 0, keys_with_several_authorisations: 0 };
  for (const authorisation of books.authorisations.values()) {
    const keys = [authorisation.key, ...authorisation.movements.map((movement) => movement.key)];
    for (const key of keys) movingKeys.add(key);
    const arrivals = Object.fromEntries(keys.map((key) => [key, books.arrivals.get(key) ?? 0]));
    const { token, movements } = authorisation;
    yield line({ type: 'authorisation', ...view(authorisation), token, movements, arrivals });
    counts.authorisations += 1;
    if (authorisation.decline_code !== null) {
      counts.declined += 1;
      continue;
    }
    const total = totals.get(authorisation.currency) ?? { authorised: 0, captured: 0, refunded: 0, voided: 0 };
    total.authorised += authorisation.amount_minor;
    total.captured += authorisation.captured_minor;
    total.refunded += authorisation.refunded_minor;
    total.voided += authorisation.voided ? authorisation.amount_minor : 0;
    totals.set(authorisation.currency, total);
  }
  for (const [key, arrivals] of books.arrivals) {
    if (movingKeys.has(key)) continue;
    yield line({ type: 'key', key, arrivals, cancelled: books.cancelledKeys.has(key) });
  }
  for (const ids of books.byKey.values()) counts.keys_with_several_authorisations += ids.length > 1 ? 1 : 0;
  const { deliveredCount: delivered, abandonedCount: abandoned, deliveries } = books;
  const webhooks = { pending: deliveries.size, delivered, abandoned };
  yield line({ type: 'totals', ...counts, minor_by_currency: Object.fromEntries(totals), webhooks });
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
