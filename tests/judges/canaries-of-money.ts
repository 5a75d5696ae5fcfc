import type { Canary } from './canary.ts';
import { plantedString } from './clean-evidence.ts';
import type { Evidence, ProviderAuthorisation } from './evidence.ts';
import { booked, changed, doubled, without } from './plant.ts';

const isAuthorised = ({ status }: { readonly status: string }): boolean => status === 'authorised';
const isConfirmed = ({ status }: { readonly status: string }): boolean => status === 'confirmed';
/** The live authorisation of an order that is confirmed. */
const ofConfirmed =
  ({ ours }: Evidence) =>
  ({ status, reference }: ProviderAuthorisation): boolean => {
    const payment = ours.payments.find(({ payment_id }) => payment_id === reference);
    return status === 'authorised' && payment?.status === 'authorised';
  };
/** The only authorisation of a payment that was given back. */
const ofVoided =
  ({ ours }: Evidence) =>
  ({ reference }: ProviderAuthorisation): boolean =>
    ours.payments.some(({ payment_id, status }) => payment_id === reference && status === 'voided');
const dashed = plantedString.replaceAll(' ', '-');

/** Money, stock, and what must be nowhere: promises 2, 3, 9 and 14. */
export const canariesOfMoney: readonly Canary[] = [
  {
    promise: 2,
    plants: 'a second live authorisation of a confirmed order',
    plant: (evidence) => booked(evidence, ofConfirmed(evidence), (entry) => [entry, { ...entry, id: 'auth_second' }]),
    finds: /2 authorisations are live/,
  },
  {
    promise: 2,
    plants: 'a live authorisation of a cancelled order',
    plant: (evidence) =>
      booked(
        evidence,
        ({ status }) => status === 'declined',
        (entry) => [{ ...entry, status: 'authorised' }],
      ),
    finds: /cancelled, and .* is live/,
  },
  {
    promise: 2,
    plants: 'a confirmed order whose authorisation was given back',
    plant: (evidence) => booked(evidence, ofConfirmed(evidence), (entry) => [{ ...entry, status: 'voided' }]),
    finds: /confirmed, and no authorisation is live/,
  },
  {
    promise: 2,
    plants: 'an authorisation that belongs to no order',
    plant: (evidence) =>
      booked(evidence, ofConfirmed(evidence), (entry) => [
        entry,
        { ...entry, id: 'auth_lost', key: 'another-authorise' },
      ]),
    finds: /key another-authorise is of no order/,
  },
  {
    promise: 2,
    plants: 'a live authorisation that is not the one on our books',
    plant: (evidence) => booked(evidence, ofConfirmed(evidence), (entry) => [{ ...entry, id: 'auth_unknown' }]),
    finds: /auth_unknown is live, and our payment names/,
  },
  {
    promise: 2,
    plants: 'an authorisation of more than the order',
    plant: (evidence) =>
      booked(evidence, ofConfirmed(evidence), (entry) => [{ ...entry, amountMinor: entry.amountMinor + 1n }]),
    finds: /is of \d+, our payment of/,
  },
  {
    promise: 2,
    plants: 'an authorisation in another currency',
    plant: (evidence) => booked(evidence, ofConfirmed(evidence), (entry) => [{ ...entry, currency: 'JPY' }]),
    finds: /is in JPY/,
  },
  {
    promise: 2,
    plants: 'an authorisation for another payment',
    plant: (evidence) => booked(evidence, ofConfirmed(evidence), (entry) => [{ ...entry, reference: 'another' }]),
    finds: /is for payment another/,
  },
  {
    promise: 2,
    plants: 'an order that is captured in two parts',
    plant: (evidence) =>
      booked(evidence, ofConfirmed(evidence), (entry) => [
        { ...entry, status: 'captured', captures: 2, capturedMinor: 2n },
      ]),
    finds: /captured 2 times/,
  },
  {
    promise: 2,
    plants: 'a capture above what was authorised',
    plant: (evidence) =>
      booked(evidence, ofConfirmed(evidence), (entry) => [
        { ...entry, status: 'captured', captures: 1, capturedMinor: entry.amountMinor + 1n },
      ]),
    finds: /captured of an order of/,
  },
  {
    promise: 2,
    plants: 'a capture that is not on our books',
    plant: (evidence) =>
      booked(evidence, ofConfirmed(evidence), (entry) => [
        { ...entry, status: 'captured', captures: 1, capturedMinor: 1n },
      ]),
    finds: /our payment says 0/,
  },
  {
    promise: 2,
    plants: 'a capture on our books of which the provider does not know',
    plant: (evidence) => changed(evidence, 'payments', isAuthorised, { captured_minor: 1n }),
    finds: /0 are captured, and our payment says 1/,
  },
  {
    promise: 2,
    plants: 'a second attempt of a kind',
    plant: (evidence) => doubled(evidence, 'payment_attempts', () => true, { provider_key: 'another key' }),
    finds: /attempted in two rows/,
  },
  {
    promise: 3,
    plants: 'more sold than was received',
    plant: (evidence) => changed(evidence, 'stock', () => true, { sold_units: 1_000n }),
    finds: /1000 sold and \d+ held of/,
  },
  {
    promise: 3,
    plants: 'a unit that is sold twice',
    plant(evidence) {
      const sold = (evidence.ours.stock[0]?.sold_units ?? 0n) + 1n;
      return changed(evidence, 'stock', () => true, { sold_units: sold });
    },
    finds: /sold, and orders have bought/,
  },
  {
    promise: 3,
    plants: 'a held unit that was not given back',
    plant(evidence) {
      const held = (evidence.ours.stock[0]?.held_units ?? 0n) + 1n;
      return changed(evidence, 'stock', () => true, { held_units: held });
    },
    finds: /held, and orders hold/,
  },
  {
    promise: 3,
    plants: 'fewer than no units',
    plant: (evidence) => changed(evidence, 'stock', () => true, { held_units: -1n }),
    finds: /-1 held/,
  },
  {
    promise: 3,
    plants: 'received units that no adjustment explains',
    plant: (evidence) => without(evidence, 'stock_adjustments', () => true),
    finds: /the adjustments add up to/,
  },
  {
    promise: 3,
    plants: 'an order that holds less than its lines say',
    plant: (evidence) => without(evidence, 'reservations', ({ status }) => status === 'sold'),
    finds: /its reservations none/,
  },
  {
    promise: 3,
    plants: 'a reservation of what is not in stock at all',
    plant: (evidence) => changed(evidence, 'reservations', () => true, { sku: 'NOTHING' }),
    finds: /has no stock/,
  },
  {
    promise: 9,
    plants: 'a payment that stays unknown',
    plant: (evidence) => changed(evidence, 'payments', isAuthorised, { status: 'unknown', next_check_at: new Date(0) }),
    finds: /is still unknown/,
  },
  {
    promise: 9,
    plants: 'a payment that is authorised here and voided there',
    plant: (evidence) => booked(evidence, ofConfirmed(evidence), (entry) => [{ ...entry, status: 'voided' }]),
    finds: /is authorised, and the provider has .* voided/,
  },
  {
    promise: 9,
    plants: 'a payment that is declined here and authorised there',
    plant: (evidence) =>
      booked(
        evidence,
        ({ status }) => status === 'declined',
        (entry) => [{ ...entry, status: 'authorised' }],
      ),
    finds: /is declined, and the provider has .* authorised/,
  },
  {
    promise: 9,
    plants: 'a payment that was given up and that the provider has authorised',
    plant(evidence) {
      const live = booked(evidence, ofVoided(evidence), (entry) => [{ ...entry, status: 'authorised' }]);
      const entry = evidence.theirs.find(ofVoided(evidence));
      return changed(live, 'payments', ({ payment_id }) => payment_id === entry?.reference, { status: 'abandoned' });
    },
    finds: /is abandoned, and the provider has .* authorised/,
  },
  {
    promise: 9,
    plants: 'a payment that is voided here and live there',
    plant: (evidence) => booked(evidence, ofVoided(evidence), (entry) => [{ ...entry, status: 'authorised' }]),
    finds: /is voided, and the provider has .* authorised/,
  },
  {
    promise: 9,
    plants: 'a call of the provider that was not announced',
    plant(evidence) {
      const called = evidence.theirs.find(ofConfirmed(evidence));
      return without(evidence, 'payment_attempts', ({ provider_key }) => provider_key === called?.key);
    },
    finds: /no intent of ours was written/,
  },
  {
    promise: 9,
    plants: 'a payment under way that nobody will ask for',
    plant: (evidence) => changed(evidence, 'payments', ({ status }) => status === 'voiding', { next_check_at: null }),
    finds: /its time to be asked for/,
  },
  {
    promise: 14,
    plants: 'a card number in a row',
    plant: (evidence) => changed(evidence, 'orders', isConfirmed, { caller_id: `shop ${plantedString}` }),
    finds: /holds a planted string/,
  },
  {
    promise: 14,
    plants: 'a card number in the log, with dashes',
    plant: (evidence) => ({ ...evidence, texts: [{ where: 'log', text: `paid with ${dashed}, thank you` }] }),
    finds: /holds a planted string/,
  },
  {
    promise: 14,
    plants: "a card number in the provider's books",
    plant: (evidence) =>
      booked(evidence, ofConfirmed(evidence), (entry) => [{ ...entry, reference: plantedString.replaceAll(' ', '') }]),
    finds: /holds a planted string/,
  },
  {
    promise: 14,
    plants: 'a card number in an answer',
    plant: ({ history: [first, ...rest], ...evidence }) => {
      if (first === undefined) throw new Error('there is no call');
      const outcome = { kind: 'unknown', reason: `no ${plantedString}` } as const;
      return { ...evidence, history: [{ ...first, outcome }, ...rest] };
    },
    finds: /holds a planted string/,
  },
];
