import { expect, test } from 'vitest';
import type {
  DeadLetterRow,
  HeadRow,
  InboxRow,
  MessageRow,
  StepRow,
  StoryRows,
} from '../../src/operations/order-rows.ts';
import { whatNext } from '../../src/operations/what-next.ts';

const now = new Date('2026-11-21T05:30:00Z');
const minutesAgo = (minutes: number) => new Date(now.getTime() - minutes * 60_000);
const id = '01890a5d-ac96-774b-bcce-b302099a8057';

const head = { order_id: id, status: 'pending', deadline_at: minutesAgo(-5), read_at: now } as HeadRow;
const step = { step: 'authorise-payment', status: 'done', undo: 'none' } as StepRow;
const letter = {
  message_id: id,
  type: 'void-authorisation',
  status: 'open',
  died_at: minutesAgo(3),
  reason: 'gave up',
} as DeadLetterRow;
const item = {
  item_id: id,
  kind: 'late_money',
  reason: 'a second authorisation auth_2 is still live.',
  closed_at: null,
} as InboxRow;
const message = {
  message_id: id,
  type: 'check-payment',
  queue: 'payments',
  attempt: 0,
  available_at: minutesAgo(-10),
  leased_by: null,
  history: [],
} as unknown as MessageRow;

function next(status: HeadRow['status'], more: Partial<StoryRows> = {}): string {
  const deadline_at = status === 'confirmed' || status === 'cancelled' ? null : head.deadline_at;
  const none = { lines: [], attempts: [], steps: [], messages: [], handled: [], deadLetters: [], inbox: [] };
  const rows = { ...none, events: [], audit: [], personal: null, ...more };
  return whatNext({ ...rows, head: { ...head, status, deadline_at } });
}

const parked = { ...step, undo: 'parked' };

test('of an order at its end there is nothing to do, unless something of it is left', () => {
  expect(next('confirmed')).toMatch(/^Nothing: the order is confirmed/);
  expect(next('cancelled', { steps: [{ ...step, undo: 'done' }] })).toMatch(/^Nothing: the order is cancelled/);
  expect(next('cancelled', { messages: [message] })).toBe(
    'A worker takes check-payment in 10 min (attempt 1 in the queue payments).',
  );
});

test('a live second authorisation is something for a person to do, whatever else is under way', () => {
  const close = `onetill inbox close inb_${id} --resolution "…"`;
  const said = `A person settles this at the provider: a second authorisation auth_2 is still live. Then ${close}.`;
  for (const status of ['pending', 'cancelling'] as const) {
    expect(next(status, { inbox: [item] })).toMatch(/ Nothing is in a queue; the sweeper takes it up in 5 min/);
  }
  for (const status of ['confirmed', 'cancelled'] as const) expect(next(status, { inbox: [item] })).toBe(said);
  expect(next('confirmed', { inbox: [item], messages: [message] })).toBe(
    `${said} ${next('confirmed', { messages: [message] })}`,
  );
  expect(next('confirmed', { inbox: [{ ...item, closed_at: now }] })).toMatch(/^Nothing/);
  expect(next('confirmed', { inbox: [{ ...item, kind: 'step_parked' }] })).toMatch(/^Nothing/);
});

test('a parked undo names its letter and when it is tried again, of an order that is cancelled too', () => {
  const mend = `void-authorisation is a dead letter: mend the cause, then onetill dead-letters replay msg_${id}.`;
  for (const status of ['cancelling', 'cancelled'] as const) {
    const said = (died: DeadLetterRow) => next(status, { steps: [parked], deadLetters: [died] });
    expect(said(letter)).toBe(`${mend} The sweeper tries it by itself in 12 min.`);
    expect(said({ ...letter, died_at: minutesAgo(20) })).toBe(
      `${mend} The sweeper tries it by itself at its next round.`,
    );
    expect(said({ ...letter, status: 'discarded', settled_by: 'ada', settled_why: 'by hand.' })).toBe(
      'void-authorisation was given up (ada discarded its letter: by hand). ' +
        `To take it up again: onetill dead-letters replay msg_${id}.`,
    );
    expect(next(status, { steps: [parked] })).toContain('no letter is left to replay');
    const retried = { ...message, type: 'void-authorisation', available_at: minutesAgo(1) };
    expect(next(status, { steps: [parked], messages: [retried] })).toBe(
      'A worker takes void-authorisation as soon as one is free (attempt 1 in the queue payments).',
    );
  }
});

test('a dead letter is named where the order waits for it, and not where it goes back without it', () => {
  const screen = { ...letter, type: 'screen-for-fraud' };
  expect(next('pending', { deadLetters: [screen] })).toMatch(/^screen-for-fraud is a dead letter: .* in 5 min/);
  expect(next('cancelling', { deadLetters: [screen] })).toMatch(/^Nothing is in a queue; the sweeper takes it up/);
  expect(next('cancelling', { deadLetters: [letter] })).toMatch(/^void-authorisation is a dead letter/);
});
