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

export function isAtRest(world: World): boolean {
  return unrest(world).length === 0;
}

export function unrestOf(world: World): string {
  return unrest(world).join('; ') || 'buyers who have not ended';
}

/** When the next thing is due that the clock alone brings about; now, while somebody or something else is at work. */
export function nextDueMs({ plan, store, provider, time }: World): number {
  const isForgetful = plan.person === 'forgets';
  const letters = store.committed('dead_letters').filter(({ status }) => status === 'open');
  const undos: readonly string[] = undosOf(onlineOrder);
  const isLookedAt = letters.some(({ type }) => !(isForgetful && undos.includes(type)));
  const isAsked = !isForgetful && store.committed('orders').some(({ status }) => status === 'on_hold');
  const events = store.committed('domain_events').length > store.committed('order_timeline').length;
  if (isLookedAt || isAsked || events || provider.books.deliveries.size > 0) return time.nowMs();
  const times = [
    ...store.committed('messages').map(({ available_at }) => available_at),
    ...store.committed('orders').map(({ deadline_at }) => deadline_at),
    ...store.committed('payments').map(({ next_check_at }) => next_check_at),
  ].flatMap((at) => (at === null ? [] : [at.getTime()]));
  const rested = letters.map(({ died_at }) => died_at.getTime() + parkedUndoRestMs);
  return Math.min(Number.POSITIVE_INFINITY, ...times, ...rested);
}
