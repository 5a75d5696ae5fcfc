import type { Evidence, Tables } from './evidence.ts';
import type { Judge, Violation } from './judge.ts';
import { byOrder, groupedBy, repeated } from './lookups.ts';

/**
 * Every message that was committed was handled once, is alive, or is a dead letter. Messages are known from their
 * causes: what an order, its steps and its webhooks show to have happened sent for what must follow. Where the run had
 * every message remembered as it was written, each of them is looked for besides.
 */
export const takesEffectOnce: Judge = {
  promise: 6,
  file: 'tests/judges/promise-6-takes-effect-once.ts',
  compares: 'the messages that orders, steps and webhooks imply against those handled, alive and dead',
  judge: (evidence) => [
    ...handledOnce(evidence),
    ...noneIsLost(evidence),
    ...causesHaveMessages(evidence),
    ...webhooksHaveMessages(evidence),
    ...effectsOnce(evidence),
  ],
};

function handledOnce({ ours }: Evidence): Violation[] {
  const handled = new Set(ours.messages_handled.map(({ message_id }) => message_id));
  const open = new Set(ours.dead_letters.flatMap(({ message_id, status }) => (status === 'open' ? [message_id] : [])));
  return [
    ...repeated(ours.messages_handled, ({ consumer, message_id }) => `${message_id} of ${consumer}`).map((subject) =>
      about(subject, 'was handled twice'),
    ),
    ...ours.messages
      .filter(({ message_id }) => handled.has(message_id))
      .map(({ message_id, type }) => about(message_id, `${type} was handled, and is still alive`)),
    ...[...open]
      .filter((message_id) => handled.has(message_id))
      .map((message_id) => about(message_id, 'was handled, and is a dead letter')),
    ...repeated(ours.messages, ({ queue, type, idempotency_key }) => `${queue} ${type} ${idempotency_key}`).map(
      (subject) => about(subject, 'is alive twice for one cause'),
    ),
  ];
}

/** Of those that were remembered, and of those that were taken back from the dead letters. */
function noneIsLost({ ours }: Evidence): Violation[] {
  const there = new Set([...ours.messages, ...ours.messages_handled].map(({ message_id }) => message_id));
  const letters = new Map(ours.dead_letters.map((letter) => [letter.message_id, letter]));
  const replayed = ours.dead_letters.filter(
    ({ status, message_id }) => status === 'replayed' && !there.has(message_id),
  );
  const lost = (ours.messages_written ?? []).filter(
    ({ message_id }) => !there.has(message_id) && !letters.has(message_id),
  );
  return [
    ...replayed.map(({ message_id, type }) =>
      about(message_id, `${type} was replayed, and is neither handled nor alive`),
    ),
    ...lost.map(({ message_id, type }) => about(message_id, `${type} was committed, and is nowhere`)),
  ];
}

/** What a step that is done, or an undo that is due, must have sent for. */
const nextOf: Readonly<Record<string, string>> = {
  'screen-for-fraud': 'authorise-payment',
  'authorise-payment': 'confirm-order',
};
const undoOf: Readonly<Record<string, string>> = {
  'hold-stock': 'release-stock',
  'authorise-payment': 'void-authorisation',
};

function causesHaveMessages({ ours }: Evidence): Violation[] {
  const seen = new Set(
    [...ours.messages, ...ours.messages_handled, ...ours.dead_letters].map(
      ({ order_id, type }) => `${order_id} ${type}`,
    ),
  );
  const steps = byOrder(ours.saga_steps);
  return ours.orders.flatMap(({ order_id, status }) => {
    const isGoingBack = status === 'cancelling' || status === 'cancelled';
    const implied = (steps.get(order_id) ?? []).flatMap((step) => impliedBy(step, isGoingBack));
    return ['screen-for-fraud', ...implied]
      .filter((type) => !seen.has(`${order_id} ${type}`))
      .map((type) => about(`${type} of order ${order_id}`, 'must have been written, and is nowhere'));
  });
}

function impliedBy({ step, status, undo }: Tables['saga_steps'][number], isGoingBack: boolean): string[] {
  const next = status === 'done' ? nextOf[step] : undefined;
  const back = isGoingBack && undo !== 'none' ? undoOf[step] : undefined;
  return [next, back].filter((type) => type !== undefined);
}

/** One message per webhook, however often it was delivered. */
function webhooksHaveMessages({ ours }: Evidence): Violation[] {
  if (ours.webhooks_received === undefined) return [];
  const all = [...ours.messages, ...ours.messages_handled, ...ours.dead_letters];
  const sent = new Set(all.flatMap(({ type, message_id }) => (type === 'handle-webhook' ? [message_id] : [])));
  const count = ours.webhooks_received.length;
  const waiting = ours.webhooks_received.filter(({ handled_at }) => handled_at === null).length;
  const alive = [...ours.messages, ...ours.dead_letters].filter(({ type }) => type === 'handle-webhook').length;
  const found: (string | false)[] = [
    sent.size !== count && `${count} were stored, and ${sent.size} messages sent for them`,
    waiting > alive && `${waiting} are not handled, and ${alive} messages are left for them`,
  ];
  return found.flatMap((says) => (says === false ? [] : [about('for webhooks', says)]));
}

/** Effects that an order can have once only, as its events tell them. */
const onceEach: readonly string[] = [
  'OrderPending',
  'OrderPlaced',
  'OrderCancelling',
  'StockReleased',
  'OrderCancelled',
];

function effectsOnce({ ours }: Evidence): Violation[] {
  const events = ours.domain_events.filter(({ type }) => onceEach.includes(type));
  return [...groupedBy(events, ({ order_id, type }) => `${type} of order ${order_id}`)].flatMap(([subject, of]) =>
    of.length === 1 ? [] : [about(`that led to ${subject}`, `took effect ${of.length} times`)],
  );
}

function about(subject: string, says: string): Violation {
  return { promise: 6, subject: `message ${subject}`, says };
}
