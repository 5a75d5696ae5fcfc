import { onlineOrder } from '../../src/sagas/online-order.ts';
import { parkedUndoRestMs, undosOf } from '../../src/sagas/saga.ts';
import type { World } from './world.ts';

/** What is still to be done, by name; empty when the world is at rest. */
function unrest({ store, provider, time }: World): string[] {
  const open = store.committed('orders').filter(({ status }) => status !== 'confirmed' && status !== 'cancelled');
  const payments = store.committed('payments').filter(({ next_check_at }) => next_check_at !== null);
  const letters = store.committed('dead_letters').filter(({ status }) => status === 'open');
  const events = store.committed('domain_events').length - store.committed('order_timeline').length;
  const found: (string | false)[] = [
    open.length > 0 && `orders ${open.map(({ order_id, status }) => `${order_id} ${status}`).join(', ')}`,
    store.committed('messages').length > 0 &&
      `messages ${store
        .committed('messages')
        .map(({ type, order_id, available_at }) => {
          return `${type} of ${order_id} in ${(available_at.getTime() - time.nowMs()) / 1_000} s`;
        })
        .join(', ')}`,
    payments.length > 0 && `payments ${payments.map(({ order_id, status }) => `${order_id} ${status}`).join(', ')}`,
    letters.length > 0 && `dead letters ${letters.map(({ type, reason }) => `${type}: ${reason}`).join(', ')}`,
    events > 0 && `${events} events not in the timeline`,
    provider.books.deliveries.size > 0 && `${provider.books.deliveries.size} webhooks not delivered`,
  ];
  return found.flatMap((says) => (says === false ? [] : [says]));
}

export function unrestOf(world: World): string {
  return unrest(world).join('; ') || 'buyers who have not ended';
}

/** Asked often, so it stops at the first thing that is still to be done. */
export function isAtRest({ store, provider }: World): boolean {
  return (
    provider.books.deliveries.size === 0 &&
    store.committed('messages').length === 0 &&
    store.committed('orders').every(({ status }) => status === 'confirmed' || status === 'cancelled') &&
    store.committed('payments').every(({ next_check_at }) => next_check_at === null) &&
    store.committed('dead_letters').every(({ status }) => status !== 'open') &&
    areEventsTold(store)
  );
}

function areEventsTold(store: World['store']): boolean {
  return store.committed('domain_events').length === store.committed('order_timeline').length;
}

function isParked(store: World['store'], orderId: string): boolean {
  return store.committed('saga_steps').some(({ order_id, undo }) => order_id === orderId && undo === 'parked');
}

const undos: readonly string[] = undosOf(onlineOrder);

/** When the next thing is due that the clock alone brings about; now, while somebody or something else is at work. */
export function nextDueMs({ plan, store, provider, time }: World): number {
  const nowMs = time.nowMs();
  if (provider.books.deliveries.size > 0 || store.isWaiting()) return nowMs;
  let next = Number.POSITIVE_INFINITY;
  const isDueAt = (atMs: number): void => {
    if (atMs < next) next = atMs;
  };
  const alive = new Set<string>();
  for (const { available_at, type, idempotency_key } of store.committed('messages')) {
    isDueAt(available_at.getTime());
    alive.add(`${type} ${idempotency_key}`);
  }
  if (next <= nowMs) return nowMs;
  const isForgetful = plan.person === 'forgets';
  for (const { status, deadline_at } of store.committed('orders')) {
    if (status === 'on_hold' && !isForgetful) return nowMs;
    if (deadline_at !== null) isDueAt(deadline_at.getTime());
  }
  for (const { next_check_at, order_id } of store.committed('payments')) {
    // One whose undo is parked is left to the dead letter of the undo.
    if (next_check_at !== null && !isParked(store, order_id)) isDueAt(next_check_at.getTime());
  }
  for (const { status, type, idempotency_key, died_at } of store.committed('dead_letters')) {
    // One whose cause has a live message rests until that is over.
    if (status !== 'open' || alive.has(`${type} ${idempotency_key}`)) continue;
    // Undos are tried again by the sweeper; all else is for people, who look in now and then.
    if (!isForgetful || !undos.includes(type)) return nowMs;
    isDueAt(died_at.getTime() + parkedUndoRestMs);
  }
  return areEventsTold(store) ? next : nowMs;
}
