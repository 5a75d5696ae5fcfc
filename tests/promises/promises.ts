import type { PromiseEntry } from '../../src/main/docs-promises.ts';

const schema = 'tests/promises/schema-refuses.db.test.ts';

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
      {
        file: 'tests/promises/promise-1-one-order-per-key.db.test.ts',
        name: '64 concurrent completes under one key make one order, and all get the same answer to the byte',
      },
      {
        file: 'tests/promises/promise-1-one-order-per-key.db.test.ts',
        name: 'another request under a key that was answered is refused, and changes nothing',
      },
      {
        file: 'tests/promises/promise-1-one-order-per-key.db.test.ts',
        name: '64 concurrent completes of one checkout under 64 keys make one order, the others are refused',
      },
      {
        file: 'tests/promises/promise-1-one-order-per-key.db.test.ts',
        name: 'a checkout whose payment was declined is completed again, and never has two orders that are alive',
      },
      {
        file: 'tests/promises/promise-1-one-order-per-key.db.test.ts',
        name: 'the answer under a key outlives the order, a change of the checkout, later keys and the process',
      },
      {
        file: 'tests/promises/promise-1-one-order-per-key.db.test.ts',
        name: 'a refusal that was decided under a key stays the answer after its cause is gone',
      },
      {
        file: 'tests/promises/promise-1-one-order-per-key.db.test.ts',
        name: 'keys belong to a caller of a merchant: others use the same key for orders of their own',
      },
      {
        file: 'tests/promises/promise-1-one-order-per-key.db.test.ts',
        name: 'a checkout and an order of another caller or merchant are not found, whatever is asked of them',
      },
      {
        file: 'tests/promises/promise-1-one-order-per-key.db.test.ts',
        name: 'concurrent creates under one key open one checkout, with one answer that stays',
      },
      {
        file: 'tests/promises/promise-1-one-order-per-key.db.test.ts',
        name: 'concurrent updates under one key write one version, with one answer that stays',
      },
      {
        file: 'tests/promises/promise-1-one-order-per-key.db.test.ts',
        name: 'concurrent cancels under one key end the checkout once, with one answer that stays',
      },
      {
        file: 'tests/promises/promise-1-one-order-per-key.db.test.ts',
        name: 'a complete, an update and a cancel that race leave one outcome, and never an order of an older quote',
      },
      {
        file: 'tests/promises/promise-1-one-order-per-key.db.test.ts',
        name: 'what was answered under a key can be neither changed nor deleted',
      },

      {
        file: schema,
        name: 'the schema refuses a second answer under a commit key, a changed one and a second order of a checkout',
      },
      {
        file: 'tests/storefront-api/purchase.http.test.ts',
        name: 'the answer under a key is the same to the byte for concurrent and later retries',
      },
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
    assertions: [{ file: 'src/payments/authorise.run.ts', symbol: 'authorised' }],
    tests: [
      {
        file: 'tests/promises/promise-2-one-charge.db.test.ts',
        name: 'an order that goes back gives both authorisations of a provider that authorised twice back',
      },
      {
        file: 'tests/promises/promise-2-one-charge.db.test.ts',
        name: 'over a run of faults each confirmed order has one live authorisation, each cancelled one has none',
      },
      {
        file: 'tests/promises/promise-2-one-charge.db.test.ts',
        name: 'one attempt of a kind is on record for each order, however often the provider was called',
      },

      { file: schema, name: 'the schema refuses a second capture, and one above what was authorised' },
      {
        file: 'tests/saga/order.db.test.ts',
        name: 'an order that is paid for is confirmed, its stock sold and one authorisation taken',
      },
    ],
  },
  {
    number: 3,
    promise: 'No oversell: received = sold + held + free, and free is never negative',
    constraints: ['stock_is_never_oversold'],
    assertions: [{ file: 'src/checkout/commit.ts', symbol: 'stockRefusal' }],
    tests: [{ file: schema, name: 'the schema refuses to hold more stock than there is' }],
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
      {
        file: schema,
        name: 'the schema refuses an unfinished order without a deadline and a cancelled one without a reason',
      },
      {
        file: 'tests/saga/order.db.test.ts',
        name: 'a declined order gives its stock back and leaves the checkout open for another payment',
      },
    ],
  },
  {
    number: 6,
    promise: 'Every committed message is delivered at least once and takes effect once',
    constraints: ['one_effect_per_message', 'one_message_per_key'],
    assertions: [{ file: 'src/messaging/messages.sql.ts', symbol: 'settleOrRetry' }],
    tests: [
      { file: schema, name: 'the schema refuses a second effect of a message and a second message of one cause' },
    ],
  },
  {
    number: 7,
    promise: "One order's events are applied in order, with no gap",
    constraints: ['one_event_per_sequence', 'order_timeline_pkey'],
    assertions: [{ file: 'src/orders/timeline.sql.ts', symbol: 'apply' }],
    tests: [
      { file: schema, name: 'the schema refuses two events at one place of an order' },
      { file: 'tests/saga/order.db.test.ts', name: 'the timeline tells what happened to an order, in order' },
    ],
  },
  {
    number: 8,
    promise: 'The price charged is the price that the buyer saw',
    constraints: ['quotes_are_immutable', 'a_line_adds_up', 'never_authorised_above_the_order'],
    assertions: [
      { file: 'src/checkout/commit.ts', symbol: 'priceRefusal' },
      { file: 'src/payments/authorise.run.ts', symbol: 'authorised' },
    ],
    tests: [
      { file: schema, name: 'the schema refuses a change of the price that the buyer saw' },
      {
        file: 'tests/storefront-api/purchase.http.test.ts',
        name: 'a price that changed since the quote is refused with what changed, and the new total stands',
      },
    ],
  },
  {
    number: 9,
    promise: 'An unknown payment becomes what the provider says that it is',
    constraints: ['an_unsettled_payment_is_asked_for'],
    assertions: [{ file: 'src/payments/authorise.run.ts', symbol: 'settle' }],
    tests: [{ file: schema, name: 'the schema refuses an unknown payment that nobody will ask for' }],
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
      {
        file: 'tests/storefront-api/garbage.http.test.ts',
        name: 'a card number in any place of any route is refused with its place and without its digits',
      },
      {
        file: 'tests/storefront-api/garbage.http.test.ts',
        name: 'a card number in any field of a checkout is refused before anything is stored',
      },
    ],
  },
];
