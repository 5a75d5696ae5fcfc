import type { PromiseEntry } from '../../src/main/docs-promises.ts';
import { of, plantedAndSearched, schema, underFaults } from './tests-of-many.ts';

/**
 * The promises as data: what holds, the constraint in SQL, the assertion in code, and the tests that try to break it.
 * promises.test.ts proves that each of them exists; docs/promises.md is made from here.
 */
export const promises: readonly PromiseEntry[] = [
  {
    number: 1,
    promise: 'One order per commit key, and one answer per key, for ever',
    constraints: ['commit_keys_pkey', 'commit_keys_are_immutable', 'one_live_order_per_checkout'],
    assertions: [{ file: 'src/checkout/commit.ts', symbol: 'decideCommit' }],
    tests: [
      ...of('tests/promises/promise-1-one-order-per-key.db.test.ts', [
        '64 concurrent completes under one key make one order, and all get the same answer to the byte',
        'another request under a key that was answered is refused, and changes nothing',
        '64 concurrent completes of one checkout under 64 keys make one order, the others are refused',
        'a checkout whose payment was declined is completed again, and never has two orders that are alive',
        'the answer under a key outlives the order, a change of the checkout, later keys and the process',
        'a refusal that was decided under a key stays the answer after its cause is gone',
        'keys belong to a caller of a merchant: others use the same key for orders of their own',
        'a checkout and an order of another caller or merchant are not found, whatever is asked of them',
        'concurrent creates under one key open one checkout, with one answer that stays',
        'concurrent updates under one key write one version, with one answer that stays',
        'concurrent cancels under one key end the checkout once, with one answer that stays',
        'a complete, an update and a cancel that race leave one outcome, and no order of an older quote',
        'what was answered under a key can be neither changed nor deleted',
      ]),
      ...of(schema, [
        'the schema refuses a second answer under a commit key, a changed one and a second order of a checkout',
      ]),
      ...of('tests/storefront-api/purchase.http.test.ts', [
        'the answer under a key is the same to the byte for concurrent and later retries',
      ]),
      ...of('tests/races/races.http.test.ts', [
        '64 buyers with one key at two API instances get one order and one answer to the byte',
        'cancel, complete, update and webhook of a session leave one outcome, in every order and overlapped',
      ]),
      ...of('tests/security/others-things.http.test.ts', [
        'with the same key of idempotency, body and id another caller gets nothing of the answer',
      ]),
      ...underFaults,
    ],
  },
  {
    number: 2,
    promise: 'At most one capture per order, and never more than was authorised',
    constraints: [
      'one_attempt_of_a_kind_per_order',
      'never_authorised_above_the_order',
      'never_captured_above_the_authorisation',
    ],
    assertions: [{ file: 'src/payments/decide.ts', symbol: 'afterFound' }],
    tests: [
      ...of('tests/promises/promise-2-one-charge.db.test.ts', [
        'a second authorisation of which no webhook tells is given back once its call was repeated',
        'over a run of faults each confirmed order has one live authorisation, each cancelled one has none',
        'one attempt of a kind is on record for each order, however often the provider was called',
      ]),
      ...of(schema, ['the schema refuses a second capture, and one above what was authorised']),
      ...of('tests/saga/order.db.test.ts', [
        'an order that is paid for is confirmed, its stock sold and one authorisation taken',
      ]),
      ...of('tests/races/races.http.test.ts', [
        'cancel, complete, update and webhook of a session leave one outcome, in every order and overlapped',
      ]),
      ...underFaults,
    ],
  },
  {
    number: 3,
    promise: 'No oversell: received = sold + held + free, and free is never negative',
    constraints: ['stock_is_never_oversold'],
    assertions: [{ file: 'src/checkout/commit.ts', symbol: 'stockRefusal' }],
    tests: [
      ...of('tests/promises/promise-3-no-oversell.db.test.ts', [
        'of 200 buyers who want the last ten units ten get one, and 190 are told that it is out of stock',
        'carts with the same goods in opposite order do not wait for each other in a circle',
        'a commit that waits for its first goods holds none of the others meanwhile',
        'while orders are sold, declined and taken back every unit is received, sold, held or free',
        'stock that does not add up is found by the sampler of this suite',
        'no statement holds or sells more than was received',
      ]),
      ...of(schema, ['the schema refuses to hold more stock than there is']),
      ...of('tests/races/races.http.test.ts', [
        'of many buyers exactly as many buy as there are units, and the rest are told which line lacks',
      ]),
      ...underFaults,
    ],
  },
  {
    number: 5,
    promise: 'Every committed order ends: confirmed, or cancelled with all its money and stock given back',
    constraints: ['a_state_that_is_not_final_has_a_deadline', 'a_cancellation_has_a_reason'],
    assertions: [
      { file: 'src/sagas/decide.ts', symbol: 'assertOrderMay' },
      { file: 'src/sagas/decide.ts', symbol: 'goBack' },
    ],
    tests: [
      ...of('tests/promises/promise-5-every-order-ends.db.test.ts', [
        'every order of a run with faults, holds, an outage and a new worker ends with nothing left undone',
        'a pending order whose messages are lost is taken back when its time is over',
        'an order with an unknown payment whose messages are lost is taken up again before its deadline',
        'an order that is paid for goes forward when its last message is lost',
        'an order on hold that nobody decides about is refused when its time is over',
        'a void that fails for ever is parked for a person, and a replay of its dead letter ends the order',
      ]),
      ...of('tests/saga/parked-undos.db.test.ts', [
        'a parked undo rests, and is then tried again by its own letter, which opens again with its history',
        'an undo that succeeds when the sweeper tries it again ends the order, and what people were asked',
        'a letter that a person discarded is never tried again by itself, but by a person who names it',
        'a letter whose undo was done by another message is settled with it, and is not tried again',
      ]),
      ...of('tests/promises/promise-5-deadlines.db.test.ts', [
        'an order in each state that is not final has the deadline that its saga gives it',
      ]),
      ...of('tests/saga/given-up-messages.db.test.ts', [
        'an order whose message a person discarded before the pivot is taken back at its deadline',
      ]),
      ...of('tests/saga/decide.test.ts', [
        'whatever is redelivered, late, parked or overdue, no order comes to a state that breaks its saga',
        'from every state of the saga an order can still come to its end',
        'an order that ended stays as it ended, whatever comes late',
        'money that comes after the order was cancelled is sent back, and the order stays cancelled',
      ]),
      ...of(schema, ['the schema refuses an unfinished order without a deadline and a cancelled one without a reason']),
      ...of('tests/saga/order.db.test.ts', [
        'a declined order gives its stock back and leaves the checkout open for another payment',
      ]),
      ...of('tests/races/races.http.test.ts', [
        'processes whose clocks are an hour ahead and an hour behind carry every order to its end',
        'two sweepers and three workers over the same overdue work move every order once',
      ]),
      ...of('tests/races/sweepers-turn.db.test.ts', [
        'while one sweeper has the turn at a task no other does any of it, and then it is done',
      ]),
      ...underFaults,
    ],
  },
  {
    number: 6,
    promise: 'Every committed message is delivered at least once and takes effect once',
    constraints: ['one_effect_per_message', 'one_message_per_key'],
    assertions: [{ file: 'src/messaging/messages.sql.ts', symbol: 'settleOrRetry' }],
    tests: [
      ...of('tests/promises/promise-6-messages-take-effect-once.db.test.ts', [
        'a message whose worker was killed between taking and settling is handled by another, once',
        'a worker that hangs beyond its lease loses the message, and only one of two effects stays',
        'a poison message goes to the dead letters with its history, while its neighbours go on',
        'two workers that race for one queue handle each message once, wherever attempts fail',
        'every message that orders of a mixed run wrote was handled once, by whichever of two workers',
        'a worker that is alive keeps a message for longer than its lease, by renewing it',
        'a message does not come again before the time that Retry-After asked for',
        'a message of one cause is alive once, and may be written again after it was handled',
        'a message that is sent for again while it waits keeps its time',
      ]),
      ...of('tests/messaging/handled-retention.db.test.ts', [
        'a dead letter that is replayed after all around it is forgotten takes effect once',
      ]),
      ...of('tests/messaging/dying-messages.db.test.ts', [
        'a message that kills each of its workers dies in the end, and is not handled again',
        'a message dies even if what waits for it cannot be parked, and its queue goes on',
        'a message that nobody can bury does not grow until its queue stands still',
        'a message from a newer version is a dead letter, and a replay after the upgrade brings it back',
      ]),
      ...of(schema, ['the schema refuses a second effect of a message and a second message of one cause']),
      ...of('tests/races/races.http.test.ts', [
        'two sweepers and three workers over the same overdue work move every order once',
      ]),
      ...of('tests/races/sweepers-turn.db.test.ts', [
        'two sweepers that both believe that they have the turn move each order once and pay once',
        'a sweeper that acts on what another one found and workers have settled meanwhile changes nothing',
      ]),
      ...underFaults,
    ],
  },
  {
    number: 7,
    promise: "One order's events are applied in order, with no gap",
    constraints: ['one_event_per_sequence', 'order_timeline_pkey', 'event_eras_are_immutable'],
    assertions: [{ file: 'src/orders/timeline.sql.ts', symbol: 'apply' }],
    tests: [
      ...of('tests/promises/promise-7-events-in-order.db.test.ts', [
        'an event that took its place early and was committed late is kept, where a naive reader loses it',
        'an event with an earlier number of a later transaction is not lost behind one that was read',
        'transactions that overlap in every way lose no event and apply none twice',
        'of a mixed run no order has a gap, and feeders that race apply each event once and in order',
        'a subscriber that fails is given the same events again, and its place does not move',
        'the timeline stops loudly at a gap, and neither a gap nor a repetition enters it',
      ]),
      ...of('tests/promises/promise-7-a-restored-shop.db.test.ts', [
        'orders of before and after a restore into another cluster end there, each with its whole timeline',
      ]),
      ...of('tests/promises/promise-7-events-after-a-restore.db.test.ts', [
        'what was written after a restore, before anybody read, comes after the rest of the old events',
        'an event that is still being written when a restore is met is read after its commit',
        'an event that was committed late, below one that was read, is read after a restore',
        'what was written between two restores, and met no reader there, comes in its turn',
        'a database that is restored before its first event reads all that come',
        'restores at any time, also before the rest of a former one is read, lose no event and repeat none',
        'events of one era whose transactions lie far apart, among those of another era, all come',
        'a table that is rewritten or frozen in place begins no era, and its events are read on',
        'processes that meet a restore at once open one era',
        'an era is never changed: its row is the witness of where it was written',
        'a timeline that is led back to the beginning skips what it has, and goes on',
      ]),
      ...of(schema, [
        'the schema refuses two events at one place of an order',
        'the schema refuses to move the place at which an era of the events begins',
      ]),
      ...of('tests/saga/order.db.test.ts', ['the timeline tells what happened to an order, in order']),
      ...underFaults,
    ],
  },
  {
    number: 8,
    promise: 'The price charged is the price that the buyer saw',
    constraints: ['quotes_are_immutable', 'a_line_adds_up', 'never_authorised_above_the_order'],
    assertions: [
      { file: 'src/checkout/commit.ts', symbol: 'priceRefusal' },
      { file: 'src/payments/decide.ts', symbol: 'afterFound' },
    ],
    tests: [
      ...of('tests/promises/promise-8-price-that-was-seen.db.test.ts', [
        'a copy of a complete that was refused for what was lacking buys nothing when it comes late',
        'a price that changed since the quote is refused with what changed, and paid only under a new key',
        'a buyer who saw an older version of the quote is told that it changed',
        'a cart that changes while its commit waits for stock is not bought as it was',
        'of completes that meet a new price at once none pays what its buyer has not seen',
        'a product that is no longer sold is named, and the rest is quoted anew',
        'while prices move, each order is charged the total of the quote that its buyer completed',
        'a quote that was given is never changed',
      ]),
      ...of(schema, ['the schema refuses a change of the price that the buyer saw']),
      ...of('tests/storefront-api/purchase.http.test.ts', [
        'a price that changed since the quote is refused with what changed, and the new total stands',
      ]),
      ...of('tests/security/abuse.http.test.ts', [
        'prices, totals, currencies, states and owners in a request change nothing of what is charged',
      ]),
      ...underFaults,
    ],
  },
  {
    number: 9,
    promise: 'An unknown payment becomes what the provider says that it is',
    constraints: ['an_unsettled_payment_is_asked_for'],
    assertions: [{ file: 'src/payments/decide.ts', symbol: 'afterAuthorise' }],
    tests: [
      ...of('tests/promises/promise-9-unknown-payments.db.test.ts', [
        'whatever becomes of call, answer and question, a payment ends as what the provider says that it is',
        'webhooks in any order, missing or repeated, leave a payment in the same state',
        'webhooks before, after, twice, late, out of order or never give orders the same end',
        'a hint that comes while the provider is being asked is not lost',
        'money of a call that its worker did not survive is given back when the order goes back',
        'a worker that lost its lease does not take an authorised payment back to unknown',
      ]),
      ...of(schema, ['the schema refuses an unknown payment that nobody will ask for']),
      ...of('tests/races/races.http.test.ts', [
        'a worker that is paused in a call beyond its lease takes nothing back from the one that went on',
      ]),
      ...underFaults,
    ],
  },
  {
    number: 14,
    promise: 'No card data and no secret at rest, in logs, messages or traces',
    constraints: { none: 'refused at the rim, before SQL: a card number looks like any other text to a constraint' },
    assertions: [
      { file: 'src/shared/inbound/json.ts', symbol: 'faultOfText' },
      { file: 'src/shared/inbound/json.ts', symbol: 'faultOfNumber' },
    ],
    tests: [
      ...of('tests/promises/promise-14-no-card-data.http.test.ts', [
        'a card number in any field of any request is refused, and is found nowhere at rest or in logs',
        'amounts and times of a signed webhook may look like card numbers, and its texts may not',
        'the token of a payment is with the payment, and in no message, event, answer, audit entry or log',
        'no secret of ours is in a table or a log after orders, webhooks and refusals',
        'names, addresses and e-mails of buyers are in the quote alone',
        'what is planted in a table or in the log is found by the search of this suite',
        'a secret is not printed by any way of printing',
      ]),
      ...of('tests/storefront-api/garbage.http.test.ts', [
        'a card number in any place of any route is refused with its place and without its digits',
        'a card number in any field of a checkout is refused before anything is stored',
      ]),
      ...plantedAndSearched,
    ],
  },
];
