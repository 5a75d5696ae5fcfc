import type { DeadLetter, WholeDeadLetter } from '../messaging/dead-letter.ts';
import type { QueueDepth } from '../messaging/queue-depth.ts';
import { externalId } from '../shared/ids.ts';
import { state } from './order-screen.ts';
import { type Cell, counted, facts, instant, oneLine, type Paint, section, span, table } from './screen.ts';

/** Every queue there should be and every queue that holds something, as --json prints them. */
export function queuesDocument(
  names: readonly string[],
  depths: readonly QueueDepth[],
  letters: readonly { readonly queue: string; readonly open: number }[],
) {
  const all = [...new Set([...names, ...depths.map((each) => each.queue), ...letters.map((each) => each.queue)])];
  const queues = all.map((queue) => {
    const depth = depths.find((each) => each.queue === queue);
    return {
      queue,
      ready: depth?.ready ?? 0,
      leased: depth?.leased ?? 0,
      delayed: depth?.delayed ?? 0,
      oldest_first_attempt_age_seconds: depth?.oldestFirstAttemptAgeSeconds ?? 0,
      oldest_message_age_seconds: depth?.oldestMessageAgeSeconds ?? 0,
      failing: depth?.failing ?? 0,
      dead_letters: letters.find((each) => each.queue === queue)?.open ?? 0,
    };
  });
  return { queues };
}

export function renderQueues({ queues }: ReturnType<typeof queuesDocument>, paint: Paint): string {
  const age = (seconds: number): string => (seconds <= 0 ? '-' : span(seconds * 1_000));
  const alarming = (count: number): Cell => (count === 0 ? 0 : { text: String(count), style: 'red' });
  const rows = queues.map((queue) => [
    queue.queue,
    queue.ready,
    queue.leased,
    queue.delayed,
    age(queue.oldest_first_attempt_age_seconds),
    age(queue.oldest_message_age_seconds),
    alarming(queue.failing),
    alarming(queue.dead_letters),
  ]);
  const titles = ['queue', '>ready', '>leased', '>delayed', '>first attempt waits', '>oldest'];
  return `${table([...titles, '>failing', '>dead letters'], rows, paint)}\n`;
}

/** A dead letter as --json prints it in a list. */
export function letterDocument(letter: DeadLetter) {
  return {
    message_id: externalId('message', letter.messageId),
    queue: letter.queue,
    type: letter.type,
    schema_version: letter.schemaVersion,
    order_id: letter.orderId === null ? null : externalId('order', letter.orderId),
    attempts: letter.attempt,
    first_enqueued_at: letter.firstEnqueuedAt,
    died_at: letter.diedAt,
    reason: letter.reason,
    status: letter.status,
    settled_at: letter.settledAt,
    settled_by: letter.settledBy,
    settled_why: letter.settledWhy,
  };
}

/** A dead letter with all that its message held. */
export function wholeLetterDocument(letter: WholeDeadLetter) {
  const { idempotencyKey, payload, traceparent, history } = letter;
  return { ...letterDocument(letter), idempotency_key: idempotencyKey, payload, traceparent, history };
}

/** `which` are those that were asked for, such as open ones. */
export function renderLetters(letters: readonly DeadLetter[], which: string, paint: Paint): string {
  if (letters.length === 0) return `There are no ${which}.\n`;
  const rows = letters.map((letter) => [
    externalId('message', letter.messageId),
    letter.queue,
    letter.type,
    letter.attempt,
    instant(letter.diedAt),
    state(letter.status),
    letter.reason,
  ]);
  return `${table(['message', 'queue', 'type', '>attempts', 'died (UTC)', 'status', 'reason'], rows, paint)}\n`;
}

export function renderLetter(letter: WholeDeadLetter, paint: Paint): string {
  const why = letter.settledWhy === null ? '' : `: ${letter.settledWhy}`;
  const settled =
    letter.settledAt === null ? null : `${letter.status} by ${letter.settledBy} at ${instant(letter.settledAt)}${why}`;
  const pairs: (readonly [string, string | null])[] = [
    ['status', settled ?? letter.status],
    ['reason', letter.reason],
    ['message', `${letter.type} v${letter.schemaVersion} of the queue ${letter.queue}`],
    ['order', letter.orderId === null ? null : externalId('order', letter.orderId)],
    ['enqueued', `${instant(letter.firstEnqueuedAt)} UTC`],
    ['died', `${instant(letter.diedAt)} UTC, after ${counted(letter.attempt, 'attempt')}`],
    ['cause', letter.idempotencyKey],
    ['payload', JSON.stringify(letter.payload)],
    ['trace', letter.traceparent],
  ];
  const attempts = letter.history.map((entry) =>
    facts(
      [[`${instant(new Date(entry.at))}  #${entry.attempt}`, oneLine(`${entry.reason} (${entry.by ?? '?'})`)]],
      paint,
    ),
  );
  const shown = pairs.map(([name, text]) => [name, text === null ? null : oneLine(text)] as const);
  const title = paint('bold', `Dead letter ${externalId('message', letter.messageId)}`);
  const history = section('Attempts', attempts.map((line) => `  ${line}`).join('\n') || '  -', paint);
  return `${title}\n${facts(shown, paint)}\n${history}\n`;
}
