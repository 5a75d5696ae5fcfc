import { currencyOf, show } from '../shared/money.ts';
import type { OrderStory } from './order-story.ts';
import { type Cell, facts, instant, oneLine, type Paint, type Style, section, span, table, when } from './screen.ts';

/** The story of one order on one screen. */
export function renderStory(story: OrderStory, paint: Paint): string {
  return [
    headOf(story, paint),
    section('Lines', linesOf(story, paint), paint),
    section(`Payment ${story.payment.payment_id}`, paymentOf(story, paint), paint),
    section(`Saga ${story.saga.name} v${story.saga.version}: ${story.saga.status}`, stepsOf(story, paint), paint),
    ...(story.messages.length === 0 ? [] : [section('Messages in queues', messagesOf(story, paint), paint)]),
    ...(story.handled_messages.length === 0 ? [] : [section('Messages handled', handledOf(story, paint), paint)]),
    ...(story.dead_letters.length === 0 ? [] : [section('Dead letters', deadOf(story, paint), paint)]),
    ...(story.inbox.length === 0 ? [] : [section('Inbox', inboxOf(story, paint), paint)]),
    section('What happened, and who did it', timelineOf(story, paint), paint),
    '',
  ].join('\n');
}

const styles: Readonly<Record<string, Style>> = {
  confirmed: 'green',
  completed: 'green',
  authorised: 'green',
  done: 'green',
  sold: 'green',
  on_hold: 'yellow',
  waiting: 'yellow',
  unknown: 'yellow',
  running: 'cyan',
  pending: 'cyan',
  authorising: 'cyan',
  cancelled: 'dim',
  none: 'dim',
  released: 'dim',
  refused: 'red',
  declined: 'red',
  cancelling: 'red',
  parked: 'red',
  open: 'red',
};

/** A state in its colour, the same one on every screen. */
export function state(text: string): Cell {
  const style = styles[text];
  return style === undefined ? text : { text, style };
}

function headOf(story: OrderStory, paint: Paint): string {
  const status = paint(styles[story.status] ?? 'bold', story.status);
  const since = `since ${instant(story.status_since)} (${when(story.status_since, story.read_at)})`;
  const due = story.deadline_at === null ? '' : `, deadline ${when(story.deadline_at, story.read_at)}`;
  const billed = story.billing_country === null ? '' : `, billed in ${story.billing_country}`;
  return `${paint('bold', `Order ${story.order_id}`)}\n${facts(
    [
      ['status', `${status} ${since}${due}`],
      ['because', story.cancel_code],
      ['next', oneLine(story.next)],
      [
        'total',
        `${amount(story.total)} with ${amount(story.shipping)} shipping, ships to ${story.ship_to_country}${billed}`,
      ],
      ['placed', `${instant(story.placed_at)} UTC by ${story.caller_id} at ${story.merchant_id}`],
      ['checkout', `${story.checkout_id}, quote version ${story.quote_version}`],
      ['buyer', story.personal === undefined ? null : oneLine(buyerOf(story.personal.buyer))],
      ['goes to', story.personal === undefined ? null : oneLine(addressOf(story.personal.destination))],
    ],
    paint,
  )}`;
}

type Personal = NonNullable<OrderStory['personal']>;

function buyerOf(buyer: Personal['buyer']): string {
  return inOneLine([nameOf(buyer), buyer?.email, buyer?.phoneNumber]);
}

/** In the order of a letter: the database keeps the fields in another one. */
function addressOf(to: Personal['destination']): string {
  const { streetAddress, extendedAddress, locality, region, postalCode, country, phoneNumber } = to ?? {};
  return inOneLine([nameOf(to), streetAddress, extendedAddress, locality, region, postalCode, country, phoneNumber]);
}

function nameOf(person: Pick<NonNullable<Personal['buyer']>, 'firstName' | 'lastName'> | null): string {
  return [person?.firstName, person?.lastName].filter(Boolean).join(' ');
}

function inOneLine(parts: readonly (string | undefined)[]): string {
  return parts.filter(Boolean).join(', ') || '-';
}

function amount(of: { readonly amount_minor: number; readonly currency: string }): string {
  return show({ amountMinor: BigInt(of.amount_minor), currency: currencyOf(of.currency) });
}

function linesOf(story: OrderStory, paint: Paint): string {
  const rows = story.lines.map((line) => [
    line.sku,
    line.title,
    line.quantity,
    amount(line.unit_price),
    amount(line.total),
    state(line.stock ?? '-'),
  ]);
  return table(['sku', 'title', '>quantity', '>each', '>total', 'stock'], rows, paint);
}

function paymentOf(story: OrderStory, paint: Paint): string {
  const { payment } = story;
  const parts = [
    `${oneLine(payment.provider)}: ${paint(styles[payment.status] ?? 'bold', payment.status)}`,
    `since ${instant(payment.status_since)}`,
    `authorised ${amount(payment.authorised)} of ${amount(payment.amount)}`,
    ...(payment.provider_reference === null ? [] : [`reference ${oneLine(payment.provider_reference)}`]),
    ...(payment.decline_code === null ? [] : [`declined with ${oneLine(payment.decline_code)}`]),
    ...(payment.next_check_at === null ? [] : [`asked again ${when(payment.next_check_at, story.read_at)}`]),
  ];
  const rows = payment.attempts.map((attempt) => [
    attempt.kind,
    attempt.calls,
    state(attempt.outcome),
    attempt.last_called_at === null ? '' : instant(attempt.last_called_at),
    attempt.settled_at === null ? '' : instant(attempt.settled_at),
    attempt.provider_key,
    attempt.reason,
  ]);
  const calls = table(['call', '>calls', 'outcome', 'last call', 'settled', 'our key', 'reason'], rows, paint);
  return `  ${parts.join(', ')}${rows.length === 0 ? '' : `\n${calls}`}`;
}

function stepsOf(story: OrderStory, paint: Paint): string {
  const rows = story.saga.steps.map((step) => [
    step.step,
    state(step.status),
    step.attempts,
    step.ended_at === null ? '' : instant(step.ended_at),
    state(step.undo),
    step.undo_attempts,
    step.detail,
  ]);
  return table(['step', 'status', '>attempts', 'ended', 'undo', '>attempts', 'detail'], rows, paint);
}

function messagesOf(story: OrderStory, paint: Paint): string {
  const rows = story.messages.map((message) => [
    message.message_id,
    message.queue,
    message.type,
    message.attempt,
    message.leased_by === null ? when(message.available_at, story.read_at) : `with ${message.leased_by}`,
    message.history.at(-1)?.reason ?? '',
  ]);
  return table(['message', 'queue', 'type', '>attempt', 'due', 'last failure'], rows, paint);
}

function handledOf(story: OrderStory, paint: Paint): string {
  const rows = story.handled_messages.map((message) => [
    message.type,
    message.attempts,
    instant(message.handled_at),
    span(message.handled_at.getTime() - message.first_enqueued_at.getTime()),
    message.message_id,
    message.history.at(-1)?.reason ?? '',
  ]);
  return table(['type', '>attempts', 'handled', '>after', 'message', 'last failure'], rows, paint);
}

function deadOf(story: OrderStory, paint: Paint): string {
  const rows = story.dead_letters.map((letter) => [
    letter.message_id,
    letter.type,
    letter.attempt,
    instant(letter.died_at),
    state(letter.status),
    letter.settled_by,
    letter.reason,
  ]);
  return table(['message', 'type', '>attempts', 'died', 'status', 'settled by', 'reason'], rows, paint);
}

function inboxOf(story: OrderStory, paint: Paint): string {
  const rows = story.inbox.map((item) => [
    item.item_id,
    item.kind,
    item.closed_at === null ? state('open') : `closed by ${item.closed_by ?? ''}: ${item.resolution ?? ''}`,
    when(item.opened_at, story.read_at),
    item.reason,
  ]);
  return table(['item', 'kind', 'status', 'opened', 'reason'], rows, paint);
}

function timelineOf(story: OrderStory, paint: Paint): string {
  const rows = story.timeline.map((entry) => [
    instant(entry.at),
    `+${span(entry.at.getTime() - story.placed_at.getTime())}`,
    entry.who,
    entry.what,
  ]);
  return table(['when (UTC)', '>after', 'who', 'what'], rows, paint);
}
