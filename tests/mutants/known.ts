import { judgedRun, type Mutant } from './mutant.ts';

/** The known bugs, translated to this code. */
export const knownMutants: readonly Mutant[] = [
  {
    name: 'events are read up to the newest transaction, not up to the oldest that is open',
    bug: 1,
    file: 'src/messaging/event-eras.sql.ts',
    from: 'pg_snapshot_xmin(pg_current_snapshot())',
    to: 'pg_snapshot_xmax(pg_current_snapshot())',
    why: 'an order that was committed late is in no timeline and in no report',
    caughtBy: {
      file: 'tests/promises/promise-7-events-in-order.db.test.ts',
      test: 'an event that took its place early and was committed late is kept, where a naive reader loses it',
    },
  },
  {
    name: 'the place of a reader is a position alone',
    bug: 2,
    file: 'src/messaging/events.sql.ts',
    from: 'where (transaction_id, position) > ($1::xid8, $2::bigint)',
    to: 'where position > $2::bigint and $1::xid8 is not null',
    why: 'an event of an earlier transaction with a later number takes others out of the feed',
    caughtBy: {
      file: 'tests/promises/promise-7-events-in-order.db.test.ts',
      test: 'an event with an earlier number of a later transaction is not lost behind one that was read',
    },
  },
  {
    name: 'nobody looks for overdue orders',
    bug: 3,
    file: 'src/main/wiring.ts',
    from: 'export const sweeperTasks = [\n  sweepOverdueOrders,\n',
    to: 'export const sweeperTasks = [\n',
    why: 'an order whose message is lost holds stock and money for ever',
    caughtBy: {
      file: 'tests/promises/promise-5-every-order-ends.db.test.ts',
      test: 'a pending order whose messages are lost is taken back when its time is over',
    },
  },
  {
    name: 'an error while the order is written is swallowed',
    bug: 4,
    file: 'src/checkout/commit.run.ts',
    from: `const taken = await writeCommit(tx, { ...inLockOrder(rows), holds: aggregate(rows.reservations) });
  if (taken !== rows.orders.length + rows.quotes.length) throw new Retry('a checkout changed while it was committed');`,
    to: 'await writeCommit(tx, { ...rows, holds: aggregate(rows.reservations) }).catch(() => {});',
    why: 'a buyer is told of an order that is not there',
    caughtBy: {
      file: 'tests/promises/promise-1-one-order-per-key.db.test.ts',
      test: '64 concurrent completes under one key make one order, and all get the same answer to the byte',
    },
  },
  {
    name: 'a gap in the events of an order is passed over in silence',
    bug: 5,
    file: 'src/orders/timeline.sql.ts',
    from: 'assert(event.sequence === last + 1, `',
    to: 'if (event.sequence !== last + 1) return false;\n      assert(event.sequence > 0, `',
    why: 'what happened to an order is lost, and nobody learns of it',
    caughtBy: {
      file: 'tests/promises/promise-7-events-in-order.db.test.ts',
      test: 'the timeline stops loudly at a gap, and neither a gap nor a repetition enters it',
    },
  },
  {
    name: 'an undo is registered after its step',
    bug: 6,
    file: 'src/sagas/decide.ts',
    from: "const undo = definition.undo === null ? 'none' : 'registered';",
    to: "const undo = 'none';",
    why: 'money of a call whose answer was lost stays held when the order goes back',
    caughtBy: {
      file: 'tests/promises/promise-2-one-charge.db.test.ts',
      test: 'an order that goes back gives both of two authorisations back when webhooks never come',
    },
  },
  {
    name: 'a payment without an answer is declined',
    bug: 7,
    file: 'src/payments/decide.ts',
    from: 'return { ...nothing, move: isGoingBack ? null : move, outcome };',
    to: `const lost = declinedMove('timeout');
      return { ...nothing, move: isGoingBack ? null : lost, outcome: declined('timeout', payment) };`,
    why: 'the buyer pays for an order that is cancelled',
    caughtBy: { ...judgedRun, judges: [9] },
  },
  {
    name: 'the provider is called before the intent is written',
    bug: 8,
    file: 'src/payments/authorise.run.ts',
    from: 'await movePayment(tx, { orderId, ...begun.move });',
    to: '',
    why: 'after a crash in the call the order goes back, and nobody asks the provider for the money that it holds',
    caughtBy: {
      file: 'tests/promises/promise-9-unknown-payments.db.test.ts',
      test: 'money of a call that its worker did not survive is given back when the order goes back',
    },
  },
  {
    name: 'money that comes after the order was cancelled is kept',
    bug: 9,
    file: 'src/payments/decide.ts',
    from: "return live === undefined ? { check: 'agrees' } : { check: 'send-back', found: live };",
    to: "return { check: 'agrees' };",
    why: 'the buyer pays for an order that was cancelled',
    caughtBy: {
      file: 'tests/promises/promise-9-unknown-payments.db.test.ts',
      test: 'money that was authorised after the order was cancelled is given back when a webhook tells of it',
    },
  },
  {
    name: 'the token of the payment is written into the audit trail',
    bug: 10,
    file: 'src/checkout/commit.sql.ts',
    from: "'order committed', 'checkout chk_' || checkout_id",
    to: "'order committed', 'checkout chk_' || checkout_id || ' paid with ' || token",
    why: 'who reads the trail can pay with the method of the buyer',
    caughtBy: {
      file: 'tests/promises/promise-14-no-card-data.http.test.ts',
      test: 'the token of a payment is with the payment, and in no message, event, answer, audit entry or log',
    },
  },
];
