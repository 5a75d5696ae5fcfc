import type { Machine } from '../shared/transitions.ts';

export type ReservationStatus = 'held' | 'released' | 'sold';

/** Stock that an order holds: from the commit on, until it is sold with the confirmation or given back. */
export const reservationMachine: Machine<ReservationStatus> = {
  name: 'reservation',
  initial: 'held',
  final: ['released', 'sold'],
  transitions: {
    held: { released: 'the order is cancelled', sold: 'the order is confirmed' },
    released: {},
    sold: {},
  },
};
