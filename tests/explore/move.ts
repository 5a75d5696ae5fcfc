import type { Budget, Order } from './world.ts';

/** One thing that may happen to an order, and what it leaves. A fault costs one of the budget. */
export type Move = { readonly did: string; readonly fault: keyof Budget | null; readonly order: Order };

export function move(did: string, order: Order, fault: boolean | 'leases' = false): Move {
  return { did, order, fault: fault === true ? 'others' : fault === false ? null : fault };
}
