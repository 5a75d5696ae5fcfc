import { afterAll, beforeAll, expect, test } from 'vitest';
import { newUuid } from '../../src/shared/ids.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';
import { accepted, caller, completeRequest, deskOn, draftFor, openCheckout, seedShop } from '../harness/shop.ts';
import { promises } from './promises.ts';

/** The SQL half of each promise: statements that no code of ours would run, on a real order, and what stops them. */
type Attempt = { readonly sql: string; readonly stoppedBy: string };

let db: TestDatabase;
let orderId: string;

beforeAll(async () => {
  db = await createTestDatabase();
  await seedShop(db.database, { MUG: 10 });
  const desk = deskOn(db.database);
  const checkout = await openCheckout(desk, draftFor({ MUG: 2 }));
  orderId = accepted(await desk.complete(caller, checkout.checkoutId, completeRequest(newUuid()))).orderId ?? '';
});
afterAll(async () => {
  await db?.drop();
});

const attempts = {
  oneAnswerPerKey: {
    sql: 'insert into commit_keys select * from commit_keys where order_id is not null and $1::text <> $2',
    stoppedBy: 'commit_keys_pkey',
  },
  answersStay: {
    sql: `update commit_keys set outcome = '{}' where $1::text <> $2`,
    stoppedBy: 'commit_keys_are_immutable',
  },
  oneLiveOrder: {
    sql: `
      insert into orders (order_id, merchant_id, caller_id, checkout_id, quote_version, status, currency, total_minor,
                          ship_to_country, deadline_at)
      select $1::uuid, merchant_id, caller_id, checkout_id, quote_version, status, currency, total_minor,
             ship_to_country, deadline_at
      from orders where order_id = $2::uuid`,
    stoppedBy: 'one_live_order_per_checkout',
  },
  oneCapture: {
    sql: `
      insert into payment_attempts (order_id, kind, payment_id, merchant_id, provider_key, amount_minor, outcome)
      select order_id, 'capture', payment_id, merchant_id, $1::text || n, amount_minor, 'intended'
      from payments cross join generate_series(1, 2) n where order_id = $2::uuid`,
    stoppedBy: 'one_attempt_of_a_kind_per_order',
  },
  authorisedAbove: {
    sql: 'update payments set authorised_minor = amount_minor + 1 where $1::text <> $2 and order_id = $2::uuid',
    stoppedBy: 'never_authorised_above_the_order',
  },
  capturedAbove: {
    sql: 'update payments set captured_minor = authorised_minor + 1 where $1::text <> $2 and order_id = $2::uuid',
    stoppedBy: 'never_captured_above_the_authorisation',
  },
  oversold: {
    sql: 'update stock set held_units = received_units - sold_units + 1 where $1::text <> $2',
    stoppedBy: 'stock_is_never_oversold',
  },
  noDeadline: {
    sql: 'update orders set deadline_at = null where $1::text <> $2 and order_id = $2::uuid',
    stoppedBy: 'a_state_that_is_not_final_has_a_deadline',
  },
  noReason: {
    sql: `update orders set status = 'cancelled', deadline_at = null where $1::text <> $2 and order_id = $2::uuid`,
    stoppedBy: 'a_cancellation_has_a_reason',
  },
  twoEffects: {
    sql: `
      insert into messages_handled (consumer, message_id, type, order_id, attempts, first_enqueued_at)
      select 'worker', $1::uuid, 'confirm-order', $2::uuid, 1, now() from generate_series(1, 2)`,
    stoppedBy: 'one_effect_per_message',
  },
  twoMessages: {
    sql: `
      insert into messages (message_id, queue, type, schema_version, merchant_id, order_id, idempotency_key, payload)
      select $1::uuid, queue, type, schema_version, merchant_id, order_id, idempotency_key, payload
      from messages where order_id = $2::uuid limit 1`,
    stoppedBy: 'one_message_per_key',
  },
  twoEvents: {
    sql: `
      insert into domain_events (event_id, merchant_id, order_id, sequence, type, schema_version, data)
      select $1::uuid, merchant_id, order_id, sequence, type, schema_version, data
      from domain_events where order_id = $2::uuid and sequence = 1`,
    stoppedBy: 'one_event_per_sequence',
  },
  twoTimelineEntries: {
    sql: `
      insert into order_timeline (order_id, sequence, type, happened, occurred_at)
      select $2::uuid, 1, 'OrderPending', $1::text, now() from generate_series(1, 2)`,
    stoppedBy: 'order_timeline_pkey',
  },
  otherEra: {
    sql: 'update event_eras set after_position = after_position + 1 where $1::text <> $2',
    stoppedBy: 'event_eras_are_immutable',
  },
  otherPrice: {
    sql: `update quotes set total_minor = total_minor + 1 where $1::text <> $2`,
    stoppedBy: 'quotes_are_immutable',
  },
  otherSum: {
    sql: 'update order_lines set total_minor = total_minor + 1 where $1::text <> $2 and order_id = $2::uuid',
    stoppedBy: 'a_line_adds_up',
  },
  nobodyAsks: {
    sql: `
      update payments set status = 'unknown', next_check_at = null where $1::text <> $2 and order_id = $2::uuid`,
    stoppedBy: 'an_unsettled_payment_is_asked_for',
  },
} as const satisfies Record<string, Attempt>;

test('the schema refuses a second answer under a commit key, a changed one and a second order of a checkout', () =>
  refuses('oneAnswerPerKey', 'answersStay', 'oneLiveOrder'));

test('the schema refuses a second capture, and one above what was authorised', () =>
  refuses('oneCapture', 'authorisedAbove', 'capturedAbove'));

test('the schema refuses to hold more stock than there is', () => refuses('oversold'));

test('the schema refuses an unfinished order without a deadline and a cancelled one without a reason', () =>
  refuses('noDeadline', 'noReason'));

test('the schema refuses a second effect of a message and a second message of one cause', () =>
  refuses('twoEffects', 'twoMessages'));

test('the schema refuses two events at one place of an order', () => refuses('twoEvents', 'twoTimelineEntries'));

test('the schema refuses to move the place at which an era of the events begins', () => refuses('otherEra'));

test('the schema refuses a change of the price that the buyer saw', () =>
  refuses('otherPrice', 'otherSum', 'authorisedAbove'));

test('the schema refuses an unknown payment that nobody will ask for', () => refuses('nobodyAsks'));

test('every constraint of a promise is tried here', () => {
  const tried = new Set<string>(Object.values(attempts).map(({ stoppedBy }) => stoppedBy));
  const named = promises.flatMap(({ constraints }) => ('none' in constraints ? [] : constraints));
  expect(named.filter((name) => !tried.has(name))).toEqual([]);
});

async function refuses(...names: (keyof typeof attempts)[]): Promise<void> {
  for (const name of names) {
    const { sql, stoppedBy } = attempts[name];
    const stopped = await db.database.execute({ text: sql, values: [newUuid(), orderId] }).then(
      (changed) => `${changed} rows changed`,
      (error: { constraint?: string; where?: string; message: string }) => error.constraint ?? error.message,
    );
    // A trigger has no name in its error; it names its table.
    const trigger = /^(\w+) rows are never changed$/.exec(stopped)?.[1];
    expect(trigger === undefined ? stopped : `${trigger}_are_immutable`, name).toBe(stoppedBy);
  }
}
