import type { Mutant } from './mutant.ts';

const once = 'tests/promises/promise-6-messages-take-effect-once.db.test.ts';
const deadlines = 'tests/promises/promise-5-deadlines.db.test.ts';
const ends = 'tests/promises/promise-5-every-order-ends.db.test.ts';
const inOrder = 'tests/promises/promise-7-events-in-order.db.test.ts';

/** Of our own, where work is done twice, too early, too late or not at all. */
export const workMutants: readonly Mutant[] = [
  {
    name: 'a message is settled without its lease',
    bug: 'own',
    file: 'src/messaging/messages.sql.ts',
    from: 'where m.message_id = ended.message_id and m.lease_id = ended.lease_id',
    to: 'where m.message_id = ended.message_id and ended.lease_id is not null',
    why: 'a worker that was taken for dead takes effect beside the one that has its message',
    caughtBy: {
      file: once,
      test: 'a worker that hangs beyond its lease loses the message, and only one of two effects stays',
    },
  },
  {
    name: 'a worker without its lease writes what it did not learn',
    bug: 'own',
    file: 'src/sagas/runner.run.ts',
    from: 'await keepLeaseOrRetry(tx, message);',
    to: '',
    why: 'an authorised payment becomes unknown again, and its order never ends',
    caughtBy: {
      file: 'tests/promises/promise-9-unknown-payments.db.test.ts',
      test: 'a worker that lost its lease does not take an authorised payment back to unknown',
    },
  },
  {
    name: 'leases are not renewed',
    bug: 'own',
    file: 'src/messaging/messages.sql.ts',
    from: 'm.lease_id = held.lease_id\n        for update of m skip locked',
    to: 'm.lease_id <> held.lease_id\n        for update of m skip locked',
    why: 'whatever takes long is begun again while it is under way',
    caughtBy: { file: once, test: 'a worker that is alive keeps a message for longer than its lease, by renewing it' },
  },
  {
    name: 'Retry-After is not waited for',
    bug: 'own',
    file: 'src/messaging/message.ts',
    from: 'return Math.max(jitteredMs, Math.min(retryAfterMs ?? 0, retryAfterMsMax));',
    to: 'return jitteredMs;',
    why: 'a provider that asks for rest shuts us out',
    caughtBy: { file: once, test: 'a message does not come again before the time that Retry-After asked for' },
  },
  {
    name: 'a message of one cause is alive twice',
    bug: 'own',
    file: 'src/messaging/messages.sql.ts',
    from: '      on conflict (queue, type, idempotency_key) do nothing`,',
    to: '      on conflict (queue, type, idempotency_key) do update set available_at = excluded.available_at`,',
    why: 'whoever asks for work again begins it a second time, in the middle of its backoff',
    caughtBy: {
      file: once,
      test: 'a message that is sent for again while it waits keeps its time',
    },
  },
  {
    name: 'an undo that is given up is not parked',
    bug: 'own',
    file: 'src/messaging/worker.run.ts',
    from: 'if (parks) await handler?.onDead?.(tx, message, reason);',
    to: '',
    why: 'nobody learns of money that could not be given back',
    caughtBy: {
      file: ends,
      test: 'a void that fails for ever is parked for a person, and a replay of its dead letter ends the order',
    },
  },
  {
    name: 'an order that is paid for may go back',
    bug: 'own',
    file: 'src/sagas/decide.ts',
    from: 'return state.definition.steps.some((each) => each.pivot === true && ',
    to: 'return state.definition.steps.some((each) => each.pivot === true && each.undo === null && ',
    why: 'a paid order is cancelled because it was slow',
    caughtBy: { file: ends, test: 'an order that is paid for goes forward when its last message is lost' },
  },
  {
    name: 'a held order has its deadline in another age',
    bug: 'own',
    file: 'src/sagas/decide.ts',
    from: "order: { status: 'on_hold', deadlineInMs: state.definition.reviewWithinMs },",
    to: "order: { status: 'on_hold', deadlineInMs: state.definition.reviewWithinMs * 1_000 },",
    why: 'an order that people forget holds its stock for years',
    caughtBy: {
      file: deadlines,
      test: 'an order in each state that is not final has the deadline that its saga gives it',
    },
  },
  {
    name: 'a success that comes while the order goes back is not undone',
    bug: 'own',
    file: 'src/sagas/decide.ts',
    from: "return { ...unchanged, steps: [{ ...step, undo: 'registered' }], send: [undo],",
    to: 'return { ...unchanged, steps: [step], send: [],',
    why: 'money of a cancelled order stays held',
    caughtBy: {
      file: 'tests/saga/decide.test.ts',
      test: 'money that comes after the order was cancelled is sent back, and the order stays cancelled',
    },
  },
  {
    name: 'an unknown payment is never asked for',
    bug: 'own',
    file: 'src/payments/payments.sql.ts',
    from: 'where next_check_at < now()\n',
    to: 'where next_check_at is null\n',
    why: 'a payment whose messages are lost stays unknown until the order is cancelled',
    caughtBy: {
      file: ends,
      test: 'an order with an unknown payment whose messages are lost is taken up again before its deadline',
    },
  },
  {
    name: 'every sweeper has the turn',
    bug: 'own',
    file: 'src/sagas/saga.sql.ts',
    from: 'return rows[0]?.taken === true;',
    to: 'return rows.length === 1;',
    why: 'each sweeper that is added asks the provider again for what the others have just asked for',
    caughtBy: {
      file: 'tests/races/sweepers-turn.db.test.ts',
      test: 'while one sweeper has the turn at a task no other does any of it, and then it is done',
    },
  },
  {
    name: 'payments are sent for out of turn',
    bug: 'own',
    file: 'src/payments/sweep.run.ts',
    from: 'if (!(await takeTurn(tx, sweepUnsettledPayments.name))) return 0;',
    to: 'await takeTurn(tx, sweepUnsettledPayments.name);',
    why: 'two sweepers wait for each other in the rows of the same payments',
    caughtBy: {
      file: 'tests/races/sweepers-turn.db.test.ts',
      test: 'while one sweeper has the turn at a task no other does any of it, and then it is done',
    },
  },
  {
    name: 'two works about one order share a transaction',
    bug: 'own',
    file: 'src/shared/collector.run.ts',
    from: 'entry.keys.every((key) => !busyKeys.has(key) && !held.has(key))',
    to: 'true',
    why: 'the second would decide on what it does not see yet, and write over the first',
    caughtBy: {
      file: 'tests/postgres/cohort.db.test.ts',
      test: 'works of one key never share a transaction, and the later one sees what the earlier one wrote',
    },
  },
  {
    name: 'the numbers of the events of an order are used again',
    bug: 'own',
    file: 'src/sagas/change.sql.ts',
    from: 'next_sequence = o.next_sequence + c.event_count',
    to: 'next_sequence = o.next_sequence + least(0, c.event_count)',
    why: 'no order can take its next step',
    caughtBy: {
      file: 'tests/saga/order.db.test.ts',
      test: 'the timeline tells what happened to an order, in order',
    },
  },
  {
    name: 'a subscriber that fails is passed over',
    bug: 'own',
    file: 'src/messaging/event-feed.run.ts',
    from: 'if (read.events.length > 0) await subscriber.apply(tx, read.events);',
    to: 'if (read.events.length > 0) await subscriber.apply(tx, read.events).catch(() => {});',
    why: 'what happened to an order is missing in what was made of the events',
    caughtBy: {
      file: inOrder,
      test: 'a subscriber that fails is given the same events again, and its place does not move',
    },
  },
];
