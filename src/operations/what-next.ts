import { onlineOrder } from '../sagas/online-order.ts';
import { parkedUndoRestMs, undosOf } from '../sagas/saga.ts';
import { never } from '../shared/assert.ts';
import { externalId } from '../shared/ids.ts';
import type { DeadLetterRow, MessageRow, StepRow, StoryRows } from './order-rows.ts';
import { instant, when } from './screen.ts';

/** What happens to the order next, and by whom, in a few sentences. What only a person can do comes first. */
export function whatNext(rows: StoryRows): string {
  const next = [...lateMoney(rows), ...byItself(rows)];
  if (next.length > 0) return next.join(' ');
  return rows.head.status === 'confirmed'
    ? 'Nothing: the order is confirmed, its payment authorised and its stock sold.'
    : 'Nothing: the order is cancelled, and what it held is given back.';
}

/** Money that no machine knows what to do about, such as a second authorisation that stands at the provider. */
function lateMoney(rows: StoryRows): string[] {
  return rows.inbox
    .filter((item) => item.kind === 'late_money' && item.closed_at === null)
    .map((item) => {
      const close = `onetill inbox close ${externalId('inbox', item.item_id)} --resolution "…"`;
      return `A person settles this at the provider: ${item.reason.replace(/\.$/, '')}. Then ${close}.`;
    });
}

function byItself(rows: StoryRows): string[] {
  const { status } = rows.head;
  const someday = `Nothing is in a queue; the sweeper takes it up ${deadline(rows)}.`;
  switch (status) {
    case 'confirmed':
      return alive(rows);
    case 'cancelled':
      return [...alive(rows), ...parked(rows)];
    case 'on_hold': {
      const id = externalId('order', rows.head.order_id);
      const asked = `A person decides: onetill orders accept ${id}, or refuse.`;
      return [`${asked} If nobody does, it is refused ${deadline(rows)}.`];
    }
    case 'pending':
      return firstOf(
        alive(rows),
        dead(rows, () => true),
        [someday],
      );
    case 'cancelling':
      return firstOf([...alive(rows), ...parked(rows)], dead(rows, isUndo), [someday]);
    default:
      return never(status, 'whatNext');
  }
}

function firstOf(...choices: readonly string[][]): string[] {
  return choices.find((choice) => choice.length > 0) ?? [];
}

function alive(rows: StoryRows): string[] {
  const now = rows.head.read_at;
  const running = rows.messages.find((message) => message.leased_by !== null);
  if (running !== undefined) return [`${running.leased_by} runs ${running.type}, attempt ${running.attempt}.`];
  const [next] = [...rows.messages].sort((left, right) => left.available_at.getTime() - right.available_at.getTime());
  if (next === undefined) return [];
  const due = next.available_at.getTime() > now.getTime() ? when(next.available_at, now) : 'as soon as one is free';
  return [
    `A worker takes ${next.type} ${due} (attempt ${next.attempt + 1} in the queue ${next.queue}${lastOf(next)}).`,
  ];
}

function lastOf(message: MessageRow): string {
  const last = message.history.at(-1);
  return last === undefined ? '' : `; the last one failed: ${last.reason}`;
}

function dead(rows: StoryRows, isNeeded: (type: string) => boolean): string[] {
  const letter = rows.deadLetters.find((each) => each.status === 'open' && isNeeded(each.type));
  if (letter === undefined) return [];
  const meanwhile = rows.head.deadline_at === null ? '' : ` The sweeper looks at the order ${deadline(rows)}.`;
  return [`${mendAndReplay(letter)}${meanwhile}`];
}

function mendAndReplay(letter: DeadLetterRow): string {
  const id = externalId('message', letter.message_id);
  return `${letter.type} is a dead letter: mend the cause, then onetill dead-letters replay ${id}.`;
}

/** Undos that are out of attempts, but for those that are being tried again. */
function parked(rows: StoryRows): string[] {
  return rows.steps
    .filter((step) => step.undo === 'parked')
    .flatMap((step) => {
      const undo = undoOf(step);
      if (rows.messages.some((message) => message.type === undo)) return [];
      const letter = rows.deadLetters.filter((each) => each.type === undo).at(-1);
      return [howParked(rows, undo ?? step.step, letter)];
    });
}

function isUndo(type: string): boolean {
  return undosOf(onlineOrder).some((undo) => undo === type);
}

function undoOf(step: StepRow): string | null {
  return onlineOrder.steps.find((each) => each.step === step.step)?.undo ?? null;
}

function howParked(rows: StoryRows, undo: string, letter: DeadLetterRow | undefined): string {
  const now = rows.head.read_at;
  if (letter?.status === 'open') {
    const at = new Date(letter.died_at.getTime() + parkedUndoRestMs);
    const soon = at.getTime() > now.getTime() ? when(at, now) : 'at its next round';
    return `${mendAndReplay(letter)} The sweeper tries it by itself ${soon}.`;
  }
  if (letter?.status === 'discarded') {
    const id = externalId('message', letter.message_id);
    const why = `${letter.settled_by} discarded its letter: ${letter.settled_why?.replace(/\.$/, '')}`;
    return `${undo} was given up (${why}). To take it up again: onetill dead-letters replay ${id}.`;
  }
  return `${undo} is parked, and no letter is left to replay: see its inbox.`;
}

function deadline(rows: StoryRows): string {
  const { deadline_at: at, read_at: now } = rows.head;
  if (at === null) return 'at no set time';
  return at.getTime() > now.getTime() ? `${when(at, now)}, at ${instant(at)}` : 'now: its deadline has passed';
}
