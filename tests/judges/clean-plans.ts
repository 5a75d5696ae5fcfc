import type { ProviderAuthorisation, Tables } from './evidence.ts';

/** Every kind of order that there can be when a run has come to rest, as plans for clean-evidence.ts. */
export const orderShapes = [
  'confirmed',
  'released from hold',
  'authorised twice',
  'confirmed, answer lost',
  'confirmed, no answer',
  'declined',
  'timed out, voided',
  'timed out, refunded by a person',
  'timed out, never seen',
  'refused by the screen',
  'late money, voided',
  'on hold',
  'parked',
] as const;
export type OrderShape = (typeof orderShapes)[number];

type Step = Pick<Tables['saga_steps'][number], 'step' | 'status' | 'undo'>;
/** What an order of a kind leaves in our tables and in the provider's books. */
export type Plan = {
  readonly status: Tables['orders'][number]['status'];
  readonly code: string | null;
  readonly saga: Tables['sagas'][number]['status'];
  readonly stock: Tables['reservations'][number]['status'];
  readonly payment: Tables['payments'][number]['status'];
  readonly steps: readonly Step[];
  readonly events: readonly string[];
  readonly handled: readonly string[];
  readonly theirs: readonly ProviderAuthorisation['status'][];
  readonly attempts: readonly string[];
};

const step = (name: string, status: Step['status'], undo: Step['undo']): Step => ({ step: name, status, undo });
const forward = ['screen-for-fraud', 'authorise-payment', 'confirm-order', 'handle-webhook'];
const back = ['screen-for-fraud', 'authorise-payment', 'void-authorisation', 'release-stock'];
const ended = { status: 'cancelled', saga: 'compensated', stock: 'released' } as const;

const confirmed: Plan = {
  status: 'confirmed',
  code: null,
  saga: 'completed',
  stock: 'sold',
  payment: 'authorised',
  steps: [
    step('hold-stock', 'done', 'registered'),
    step('screen-for-fraud', 'done', 'none'),
    step('authorise-payment', 'done', 'registered'),
    step('confirm-order', 'done', 'none'),
  ],
  events: ['OrderPending', 'PaymentAuthorized', 'OrderPlaced'],
  handled: forward,
  theirs: ['authorised'],
  attempts: ['authorise'],
};

const timedOut: Plan = {
  ...ended,
  code: 'payment_timed_out',
  payment: 'voided',
  steps: [
    step('hold-stock', 'done', 'done'),
    step('screen-for-fraud', 'done', 'none'),
    step('authorise-payment', 'abandoned', 'done'),
  ],
  events: ['OrderPending', 'OrderCancelling', 'StockReleased', 'PaymentVoided', 'OrderCancelled'],
  handled: [...back, 'handle-webhook'],
  theirs: ['voided'],
  attempts: ['authorise', 'void'],
};

export const plans: { readonly [Shape in OrderShape]: Plan } = {
  confirmed,
  'released from hold': {
    ...confirmed,
    events: ['OrderPending', 'OrderHeld', 'OrderReleased', 'PaymentAuthorized', 'OrderPlaced'],
  },
  'authorised twice': {
    ...confirmed,
    handled: [...forward, 'handle-webhook', 'void-stray-authorisation'],
    theirs: ['authorised', 'voided'],
  },
  'confirmed, answer lost': confirmed,
  'confirmed, no answer': confirmed,
  declined: {
    ...timedOut,
    code: 'payment_failed',
    payment: 'declined',
    steps: [
      step('hold-stock', 'done', 'done'),
      step('screen-for-fraud', 'done', 'none'),
      step('authorise-payment', 'refused', 'done'),
    ],
    events: ['OrderPending', 'PaymentDeclined', 'OrderCancelling', 'StockReleased', 'OrderCancelled'],
    theirs: ['declined'],
    attempts: ['authorise'],
  },
  'timed out, voided': timedOut,
  'timed out, refunded by a person': { ...timedOut, theirs: ['refunded'] },
  'timed out, never seen': {
    ...timedOut,
    payment: 'abandoned',
    events: ['OrderPending', 'OrderCancelling', 'StockReleased', 'OrderCancelled'],
    handled: back,
    theirs: [],
  },
  'refused by the screen': {
    ...ended,
    code: 'order_refused',
    payment: 'abandoned',
    steps: [step('hold-stock', 'done', 'done'), step('screen-for-fraud', 'refused', 'none')],
    events: ['OrderPending', 'OrderCancelling', 'StockReleased', 'OrderCancelled'],
    handled: ['screen-for-fraud', 'release-stock'],
    theirs: [],
    attempts: [],
  },
  'late money, voided': {
    ...timedOut,
    events: [
      'OrderPending',
      'OrderCancelling',
      'StockReleased',
      'OrderCancelled',
      'PaymentAuthorized',
      'PaymentVoided',
    ],
    handled: [...back, 'check-payment', 'void-authorisation', 'handle-webhook'],
  },
  'on hold': {
    status: 'on_hold',
    code: null,
    saga: 'waiting',
    stock: 'held',
    payment: 'intended',
    steps: [step('hold-stock', 'done', 'registered'), step('screen-for-fraud', 'waiting', 'none')],
    events: ['OrderPending', 'OrderHeld'],
    handled: ['screen-for-fraud'],
    theirs: [],
    attempts: [],
  },
  parked: {
    ...timedOut,
    status: 'cancelling',
    saga: 'parked',
    payment: 'voiding',
    steps: [
      step('hold-stock', 'done', 'done'),
      step('screen-for-fraud', 'done', 'none'),
      step('authorise-payment', 'running', 'parked'),
    ],
    events: ['OrderPending', 'OrderCancelling', 'StockReleased'],
    handled: ['screen-for-fraud', 'authorise-payment', 'release-stock', 'handle-webhook'],
    theirs: ['authorised'],
  },
};
