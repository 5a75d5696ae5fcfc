import { judgedRun, type Mutant } from './mutant.ts';

const oneOrder = 'tests/promises/promise-1-one-order-per-key.db.test.ts';
const oneCharge = 'tests/promises/promise-2-one-charge.db.test.ts';
const decideCommit = 'tests/checkout/decide-commit.test.ts';
const decisions = 'the decisions about a payment';
const anotherAmount = 'an authorisation of another amount or currency is believed to be a fault and confirms nothing';
const severalAuthorisations =
  'of several authorisations the first that holds money is ours, and each other one is sent back';
const stock = 'tests/promises/promise-3-no-oversell.db.test.ts';

/** Of our own, where an order, its price, its stock or its money is lost. */
export const moneyMutants: readonly Mutant[] = [
  {
    name: 'the request under a known key is not compared',
    bug: 'own',
    file: 'src/checkout/commit.ts',
    from: 'if (sameBytes(known.requestSha256, request.requestSha256)) return',
    to: 'if (sameBytes(known.requestSha256, known.requestSha256)) return',
    why: 'another purchase under a used key is answered with the order of the first one',
    caughtBy: { ...judgedRun, judges: [1] },
  },
  {
    name: 'a key is looked up without its caller',
    bug: 'own',
    file: 'src/checkout/commit.sql.ts',
    from: 'and k.caller_id = wanted.caller_id',
    to: 'and wanted.caller_id is not null',
    why: 'a caller gets the answer, and the order, of another one',
    caughtBy: {
      file: oneOrder,
      test: 'keys belong to a caller of a merchant: others use the same key for orders of their own',
    },
  },
  {
    name: 'a checkout is shown to every caller of its merchant',
    bug: 'own',
    file: 'src/checkout/commit.ts',
    from: 'return checkout.merchantId === caller.merchantId && checkout.callerId === caller.callerId;',
    to: 'return checkout.merchantId === caller.merchantId;',
    why: 'one shop buys the checkout of another one',
    caughtBy: {
      file: oneOrder,
      test: 'a checkout and an order of another caller or merchant are not found, whatever is asked of them',
    },
  },
  {
    name: 'a checkout that has an order is open for another one',
    bug: 'own',
    file: 'src/checkout/commit.ts',
    from: "if (order.status !== 'cancelled') {",
    to: "if (order.status === 'pending') return null;\n  if (order.status !== 'cancelled') {",
    why: 'only the schema keeps one cart from being bought twice, and buyers are told to try again',
    caughtBy: { file: decideCommit, test: 'a commit is decided where its order is pending' },
  },
  {
    name: 'the version of the quote is not compared when the order is written',
    bug: 'own',
    file: 'src/checkout/commit.sql.ts',
    from: "where c.checkout_id = n.checkout_id and c.quote_version = n.quote_version and c.status <> 'cancelled'",
    to: "where c.checkout_id = n.checkout_id and c.status <> 'cancelled'",
    why: 'a cart that was changed meanwhile is bought as it was before',
    caughtBy: {
      file: 'tests/promises/promise-8-price-that-was-seen.db.test.ts',
      test: 'a cart that changes while its commit waits for stock is not bought as it was',
    },
  },
  {
    name: 'an expired checkout is bought',
    bug: 'own',
    file: 'src/checkout/commit.ts',
    from: "if (checkout.isExpired) return decided('checkout_expired', 'The checkout has expired. Create a new one.');",
    to: '',
    why: 'an offer is honoured that was not made any more',
    caughtBy: { file: decideCommit, test: 'a commit is decided where the checkout has expired' },
  },
  {
    name: 'the price of now is not compared with the price that was seen',
    bug: 'own',
    file: 'src/checkout/commit.ts',
    from: 'if (changed.length === 0 && newContent.totalMinor === quote.content.totalMinor) return null;',
    to: 'if (changed.length >= 0) return null;',
    why: 'the merchant sells at a price that is over',
    caughtBy: {
      file: 'tests/promises/promise-8-price-that-was-seen.db.test.ts',
      test: 'a price that changed since the quote is refused with what changed, and paid only under a new key',
    },
  },
  {
    name: 'one unit more than there is may be bought',
    bug: 'own',
    file: 'src/checkout/commit.ts',
    from: 'return available >= BigInt(line.quantity)',
    to: 'return available + 1n >= BigInt(line.quantity)',
    why: 'the last buyer gets an error of the database instead of an answer',
    caughtBy: {
      file: stock,
      test: 'of 200 buyers who want the last ten units ten get one, and 190 are told that it is out of stock',
    },
  },
  {
    name: 'orders of one batch each see all of the stock',
    bug: 'own',
    file: 'src/checkout/commit.ts',
    from: 'free.set(line.sku, (free.get(line.sku) ?? 0n) - BigInt(line.quantity));',
    to: 'free.set(line.sku, free.get(line.sku) ?? 0n);',
    why: 'of two orders that come at once one spoils the other',
    caughtBy: {
      file: decideCommit,
      test: 'of a list of commits the units go to those that came first, and a refused one spoils no neighbour',
    },
  },
  {
    name: 'stock is locked in the order of the cart',
    bug: 'own',
    file: 'src/checkout/commit.sql.ts',
    from: 'order by s.merchant_id, s.sku\n      for update of s',
    to: 'order by array_position($2::text[], s.sku)\n      for update of s',
    why: 'carts with the same goods wait for each other in a circle',
    caughtBy: {
      file: stock,
      test: 'a commit that waits for its first goods holds none of the others meanwhile',
    },
  },
  {
    name: 'stock that is given back is given back twice',
    bug: 'own',
    file: 'src/inventory/reservations.sql.ts',
    from: 'update stock s set held_units = s.held_units - t.units\n',
    to: `update stock s
        set received_units = s.received_units + t.units, held_units = s.held_units - t.units`,
    why: 'what another order holds is sold again',
    caughtBy: {
      file: stock,
      test: 'while orders are sold, declined and taken back every unit is received, sold, held or free',
    },
  },
  {
    name: 'what a cancelled order held counts as sold',
    bug: 'own',
    file: 'src/inventory/reservations.sql.ts',
    from: "update reservations set status = 'released'",
    to: "update reservations set status = 'sold'",
    why: 'the merchant sends goods that nobody paid for',
    caughtBy: { ...judgedRun, judges: [3] },
  },
  {
    name: 'only the first of two authorisations is voided',
    bug: 'own',
    file: 'src/payments/void.run.ts',
    from: 'for (const { providerReference } of live) {',
    to: 'for (const { providerReference } of live.slice(0, 1)) {',
    why: 'money of a cancelled order stays held',
    caughtBy: {
      file: oneCharge,
      test: 'an order that goes back gives both of two authorisations back when webhooks never come',
    },
  },
  {
    name: 'a second authorisation beside ours is left standing',
    bug: 'own',
    file: 'src/payments/decide.ts',
    from: 'strays: isGoingBack ? [] : straysOf(found, providerReference),',
    to: 'strays: [],',
    why: 'the money of the buyer is held twice',
    caughtBy: {
      file: 'src/payments/decide.test.ts',
      test: `${decisions} ${severalAuthorisations}`,
    },
  },
  {
    name: 'a void without an answer counts as done',
    bug: 'own',
    file: 'src/payments/void.run.ts',
    from: "if (voided.outcome !== 'done') return { end: 'open', ...delayOf(voided) };",
    to: '',
    why: 'money of a cancelled order stays held, and our books say that it is back',
    caughtBy: {
      file: 'tests/promises/promise-5-every-order-ends.db.test.ts',
      test: 'a void that fails for ever is parked for a person, and a replay of its dead letter ends the order',
    },
  },
  {
    name: 'the amount that the provider authorised is not compared',
    bug: 'own',
    file: 'src/payments/decide.ts',
    from: "assert(ours.authorisedMinor === payment.amountMinor, 'the provider authorised the amount of the order');",
    to: '',
    why: 'an order is confirmed for more or less money than the buyer agreed to',
    caughtBy: {
      file: 'src/payments/decide.test.ts',
      test: `${decisions} ${anotherAmount}`,
    },
  },
  {
    name: 'card numbers are let in',
    bug: 'own',
    file: 'src/shared/inbound/json.ts',
    from: 'return looksLikeCardNumber(text) ? refuseCard(path) : null;',
    to: 'return null;',
    why: 'numbers of cards lie in our tables',
    caughtBy: {
      file: 'tests/promises/promise-14-no-card-data.http.test.ts',
      test: 'a card number in any field of any request is refused, and is found nowhere at rest or in logs',
    },
  },
];
