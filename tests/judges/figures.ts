import type { Evidence } from './evidence.ts';

/**
 * What a run was made of, as whole numbers by name: for floors, and for the page of promises. `acknowledged` are calls
 * that were answered with what was asked for, `unknown` those whose answer was lost or a fault of ours.
 */
export function figuresOf({ history, ours, theirs }: Evidence): Record<string, number> {
  const outcomes = (kind: string): number => history.filter(({ outcome }) => outcome.kind === kind).length;
  const orders = (status: string): number => ours.orders.filter((order) => order.status === status).length;
  const keyed = history.filter(({ idempotencyKey }) => idempotencyKey !== null);
  const keys = new Set(keyed.map(({ operation, idempotencyKey }) => `${operation} ${idempotencyKey}`));
  return {
    operations: history.length,
    acknowledged: outcomes('ok'),
    refused: outcomes('refused'),
    unknown: outcomes('unknown'),
    retries: keyed.length - keys.size,
    orders: ours.orders.length,
    confirmed: orders('confirmed'),
    cancelled: orders('cancelled'),
    messages: ours.messages_handled.length,
    events: ours.domain_events.length,
    authorisations: theirs.length,
  };
}
