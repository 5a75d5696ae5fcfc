import { type CloudEvent, tell, toCloudEvent } from '../messaging/events.ts';
import { externalId } from '../shared/ids.ts';
import { toWire } from '../shared/money.ts';
import type { StoryRows } from './order-rows.ts';
import { whatNext } from './what-next.ts';

/** The answer to "what happened to order X?", as --json prints it. Field names are stable. Times are UTC. */
export type OrderStory = ReturnType<typeof toStory>;

/** Tells the story: rows become a document with prefixed ids, amounts with their currency, and what happens next. */
export function toStory(rows: StoryRows) {
  const { head } = rows;
  const amount = (minor: bigint) => ({ amount_minor: toWire(minor), currency: head.currency });
  return {
    order_id: externalId('order', head.order_id),
    status: head.status,
    status_since: head.status_since,
    deadline_at: head.deadline_at,
    cancel_code: head.cancel_code,
    next: whatNext(rows),
    total: amount(head.total_minor),
    shipping: amount(head.shipping_minor),
    merchant_id: head.merchant_id,
    caller_id: head.caller_id,
    checkout_id: externalId('checkout', head.checkout_id),
    quote_version: head.quote_version,
    ship_to_country: head.ship_to_country,
    billing_country: head.billing_country,
    placed_at: head.created_at,
    read_at: head.read_at,
    lines: rows.lines.map(({ unit_price_minor, total_minor, ...line }) => {
      return { ...line, unit_price: amount(unit_price_minor), total: amount(total_minor) };
    }),
    payment: paymentOf(rows),
    saga: {
      name: head.saga_name,
      version: head.saga_version,
      status: head.saga_status,
      status_since: head.saga_since,
      steps: rows.steps,
    },
    messages: rows.messages.map((row) => ({ ...row, message_id: externalId('message', row.message_id) })),
    handled_messages: rows.handled.map((row) => ({ ...row, message_id: externalId('message', row.message_id) })),
    dead_letters: rows.deadLetters.map((row) => ({ ...row, message_id: externalId('message', row.message_id) })),
    inbox: rows.inbox.map((row) => ({ ...row, item_id: externalId('inbox', row.item_id) })),
    events: rows.events.map((event): CloudEvent => toCloudEvent(event)),
    audit: rows.audit,
    timeline: timelineOf(rows),
    ...(rows.personal === null ? {} : { personal: rows.personal }),
  };
}

function paymentOf({ head, attempts }: StoryRows) {
  const amount = (minor: bigint) => ({ amount_minor: toWire(minor), currency: head.currency });
  return {
    payment_id: externalId('payment', head.payment_id),
    provider: head.provider,
    status: head.payment_status,
    status_since: head.payment_since,
    amount: amount(head.amount_minor),
    authorised: amount(head.authorised_minor),
    captured: amount(head.captured_minor),
    refunded: amount(head.refunded_minor),
    provider_reference: head.provider_reference,
    decline_code: head.decline_code,
    next_check_at: head.next_check_at,
    attempts: attempts.map(({ amount_minor, ...attempt }) => ({ ...attempt, amount: amount(amount_minor) })),
  };
}

export type TimelineRow = { readonly at: Date; readonly who: string; readonly what: string };

/**
 * Events, deeds, failed attempts and what people are asked in one line of time. Within one instant (one transaction)
 * events come last: they tell of what was done.
 */
function timelineOf(rows: StoryRows): TimelineRow[] {
  const deeds = rows.audit.map(({ at, actor, action, detail }) => {
    return { at, who: actor, what: detail === null ? action : `${action}: ${detail}` };
  });
  const deaths = rows.deadLetters.map(({ died_at, type, reason }) => {
    return { at: died_at, who: '', what: `${type} went to the dead letters: ${reason}` };
  });
  const questions = rows.inbox.map(({ opened_at, kind, owner, reason }) => {
    return { at: opened_at, who: '', what: `${owner} is asked (${kind}): ${reason}` };
  });
  const events = rows.events.map((event) => {
    return { at: event.occurredAt, who: '', what: `event ${event.sequence}: ${tell(event.type, event.data)}` };
  });
  const all = [...deeds, ...failuresOf(rows), ...deaths, ...settlementsOf(rows), ...questions, ...events];
  return all.sort((left, right) => left.at.getTime() - right.at.getTime());
}

/**
 * Each failed attempt once, whatever became of its message: one that was replayed has its history in its letter too.
 * The attempt of which a message died is told by its death.
 */
function failuresOf(rows: StoryRows): TimelineRow[] {
  const failures = new Map<string, TimelineRow>();
  for (const message of [...rows.messages, ...rows.handled, ...rows.deadLetters]) {
    const letter = rows.deadLetters.find((each) => each.message_id === message.message_id);
    for (const { at, attempt, by, reason } of message.history) {
      const failedAt = new Date(at);
      if (letter !== undefined && isSameInstant(letter.died_at, failedAt)) continue;
      const what = `${message.type}, attempt ${attempt}: ${reason}`;
      failures.set(`${message.message_id} ${attempt} ${at}`, { at: failedAt, who: by ?? '', what });
    }
  }
  return [...failures.values()];
}

/** Letters that a machine settled: what a person did to one is a deed on record. */
function settlementsOf(rows: StoryRows): TimelineRow[] {
  return rows.deadLetters.flatMap(({ settled_at: at, settled_by: by, settled_why: why, type, status }) => {
    if (at === null) return [];
    const isOnRecord = rows.audit.some(
      (deed) => deed.action === `dead letter ${status}` && deed.actor === by && isSameInstant(deed.at, at),
    );
    const what = `dead letter ${status}: ${type}${why === null ? '' : `, ${why}`}`;
    return isOnRecord ? [] : [{ at, who: by ?? '', what }];
  });
}

/** One instant of the database, once read as a time and once as text: the last digit may be rounded otherwise. */
function isSameInstant(left: Date, right: Date): boolean {
  return Math.abs(left.getTime() - right.getTime()) <= 1;
}
