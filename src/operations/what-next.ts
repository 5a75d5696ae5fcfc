import { never } from '../shared/assert.ts';
import { externalId } from '../shared/ids.ts';
import type { DeadLetterRow, MessageRow, StoryRows } from './order-rows.ts';
import { instant, when } from './screen.ts';

/** What happens to the order next, and by whom, in one sentence. */
export function whatNext(rows: StoryRows): string {
  const { status } = rows.head;
  switch (status) {
    case 'confirmed':
      return alive(rows) ?? 'Nothing: the order is confirmed, its payment authorised and its stock sold.';
    case 'cancelled':
      return alive(rows) ?? 'Nothing: the order is cancelled, and what it held is given back.';
    case 'on_hold': {
      const id = externalId('order', rows.head.order_id);
      const asked = `A person decides: onetill orders accept ${id}, or refuse.`;
      return `${asked} If nobody does, it is refused ${deadline(rows)}.`;
    }
    case 'pending':
      return alive(rows) ?? dead(rows) ?? `Nothing is in a queue; the sweeper takes it up ${deadline(rows)}.`;
    case 'cancelling':
      return (
        alive(rows) ?? dead(rows) ?? parked(rows) ?? `Nothing is in a queue; the sweeper takes it up ${deadline(rows)}.`
      );
    default:
      return never(status, 'whatNext');
  }
}

function alive(rows: StoryRows): string | null {
  const now = rows.head.read_at;
  const running = rows.messages.find((message) => message.leased_by !== null);
  if (running !== undefined) return `${running.leased_by} runs ${running.type}, attempt ${running.attempt}.`;
  const [next] = [...rows.messages].sort((left, right) => left.available_at.getTime() - right.available_at.getTime());
  if (next === undefined) return null;
  const due = next.available_at.getTime() > now.getTime() ? when(next.available_at, now) : 'as soon as one is free';
  return `A worker takes ${next.type} ${due} (attempt ${next.attempt + 1} in the queue ${next.queue}${lastOf(next)}).`;
}

function lastOf(message: MessageRow): string {
  const last = message.history.at(-1);
  return last === undefined ? '' : `; the last one failed: ${last.reason}`;
}

function dead(rows: StoryRows): string | null {
  const letter = rows.deadLetters.find((each: DeadLetterRow) => each.status === 'open');
  if (letter === undefined) return null;
  const id = externalId('message', letter.message_id);
  const meanwhile = rows.head.deadline_at === null ? '' : ` The sweeper looks at the order ${deadline(rows)}.`;
  return `${letter.type} is a dead letter: mend the cause, then onetill dead-letters replay ${id}.${meanwhile}`;
}

function parked(rows: StoryRows): string | null {
  const step = rows.steps.find((each) => each.undo === 'parked');
  return step === undefined
    ? null
    : `The undo of ${step.step} is parked, and no letter is left to replay: see its inbox.`;
}

function deadline(rows: StoryRows): string {
  const { deadline_at: at, read_at: now } = rows.head;
  if (at === null) return 'at no set time';
  return at.getTime() > now.getTime() ? `${when(at, now)}, at ${instant(at)}` : 'now: its deadline has passed';
}
