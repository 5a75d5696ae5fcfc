import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { currencyOf } from '../shared/money.ts';
import { mayFollow } from '../shared/transitions.ts';
import {
  afterAuthorise,
  afterVoid,
  beginAuthorise,
  beginVoid,
  decideCheck,
  decideGiveBack,
  decideHint,
} from './decide.ts';
import { type Payment, type PaymentStatus, paymentMachine } from './payment.ts';
import type { Authorisation, ProviderOutcome } from './provider.ts';

const timings = { checkAfterMs: 60_000, absentAfterMs: 30_000, lookAgainAfterMs: 900_000 };
const gbp = currencyOf('GBP');

const payment = (status: PaymentStatus, providerReference: string | null = null): Payment => ({
  paymentId: 'p',
  provider: 'simulated',
  status,
  currency: gbp,
  amountMinor: 1_250n,
  authorisedMinor: providerReference === null ? 0n : 1_250n,
  providerReference,
  declineCode: status === 'declined' ? 'lost_card' : null,
});

const theirs = (providerReference: string, status: Authorisation['status'] = 'authorised'): Authorisation => ({
  providerReference,
  authoriseKey: 'o-authorise',
  reference: 'p',
  status,
  currency: 'GBP',
  authorisedMinor: 1_250n,
  capturedMinor: status === 'captured' ? 1_250n : 0n,
  refundedMinor: 0n,
  declineCode: status === 'declined' ? 'insufficient_funds' : null,
});

const running = { isGoingBack: false, calls: 1, timings };
const goingBack = { ...running, isGoingBack: true };
const found = (...list: Authorisation[]): ProviderOutcome<readonly Authorisation[]> => ({
  outcome: 'done',
  value: list,
});

describe('the decisions about a payment', () => {
  test('a payment whose call may have acted is asked for before the call is made again', () => {
    expect(beginAuthorise(payment('intended'), timings)).toMatchObject({ begin: 'call', askFirst: false });
    for (const status of ['authorising', 'unknown'] as const) {
      expect(beginAuthorise(payment(status), timings)).toMatchObject({ begin: 'call', askFirst: true });
    }
    expect(beginAuthorise(payment('authorised', 'a'), timings)).toMatchObject({ begin: 'answer' });
    expect(beginAuthorise(payment('declined'), timings)).toMatchObject({ outcome: { outcome: 'refused', events: [] } });
    for (const status of ['voiding', 'voided', 'abandoned', 'captured', 'refunded'] as const) {
      expect(() => beginAuthorise(payment(status), timings)).toThrow('must be true');
    }
  });

  test('of several authorisations the first that holds money is ours, and each other one is sent back', () => {
    const settled = afterAuthorise(payment('unknown'), found(theirs('a', 'voided'), theirs('b'), theirs('c')), running);
    expect(settled.move).toMatchObject({ status: 'authorised', providerReference: 'b', checkInMs: null });
    expect(settled.strays).toEqual(['c']);
  });

  test('an authorisation that was given back before we heard of it is no payment', () => {
    const settled = afterAuthorise(payment('unknown'), found(theirs('a', 'voided')), running);
    expect(settled.outcome).toMatchObject({ outcome: 'refused', code: 'payment_failed' });
    expect(settled.move).toMatchObject({ status: 'declined', declineCode: 'voided' });
  });

  test('an authorisation of another amount or currency is believed to be a fault and confirms nothing', () => {
    const other = { ...theirs('a'), authorisedMinor: 1_251n };
    expect(() => afterAuthorise(payment('unknown'), found(other), running)).toThrow('amount of the order');
    const foreign = { ...theirs('a'), currency: 'EUR' };
    expect(() => afterAuthorise(payment('unknown'), found(foreign), running)).toThrow('currency of the order');
  });

  test('an answer that comes while the saga goes back leaves the payment to the undo', () => {
    const late = afterAuthorise(payment('unknown'), found(theirs('a'), theirs('b')), goingBack);
    expect(late).toMatchObject({ move: { status: 'voiding', checkInMs: 60_000 }, strays: [], looksAgain: false });
    for (const outcome of ['refused', 'unknown', 'retryable'] as const) {
      const answer = { outcome, code: 'lost_card', reason: 'no' };
      expect(afterAuthorise(payment('voiding'), answer, goingBack).move).toBeNull();
    }
  });

  test('a payment that needed more than one call is looked at once more later', () => {
    expect(afterAuthorise(payment('unknown'), found(theirs('a')), { ...running, calls: 2 }).looksAgain).toBe(true);
    expect(afterAuthorise(payment('authorising'), found(theirs('a')), running).looksAgain).toBe(false);
  });

  test('an order that goes back voids all that stands under its key, and a capture is left to a person', () => {
    const several = [theirs('a'), theirs('b', 'voided'), theirs('c')];
    const given = decideGiveBack(several, 'c');
    expect(given.live.map((each) => each.providerReference)).toEqual(['a', 'c']);
    expect(given.end).toMatchObject({ end: 'voided', providerReference: 'c' });
    expect(decideGiveBack([], null)).toEqual({ live: [], end: { end: 'absent' } });
    expect(decideGiveBack([theirs('a', 'declined')], null).end).toMatchObject({ end: 'declined' });
    const captured = decideGiveBack([theirs('a', 'captured'), theirs('b')], 'a');
    expect(captured.end).toEqual({ end: 'captured' });
    expect(captured.live.map((each) => each.providerReference)).toEqual(['b']);
    expect(decideGiveBack([theirs('a', 'refunded')], 'a').end).toMatchObject({ end: 'voided' });
  });

  test('absence is believed only after the longest call, and is looked at again later', () => {
    expect(afterVoid(payment('voiding'), { end: 'absent' }, 1)).toMatchObject({
      move: null,
      outcome: { outcome: 'again', retryAfterMs: 1 },
    });
    expect(afterVoid(payment('voiding'), { end: 'absent' }, 0)).toMatchObject({
      move: { status: 'abandoned', checkInMs: null },
      outcome: { outcome: 'done' },
      looksAgain: true,
    });
  });

  test('a comparison finds late money, lost money and second authorisations, and nothing where both agree', () => {
    for (const status of ['declined', 'abandoned', 'voided'] as const) {
      expect(decideCheck(payment(status, 'a'), [theirs('a', 'voided'), theirs('b')])).toMatchObject({
        check: 'send-back',
        found: { providerReference: 'b' },
      });
      expect(decideCheck(payment(status), [theirs('a', 'declined')])).toEqual({ check: 'agrees' });
    }
    const ours = payment('authorised', 'a');
    expect(decideCheck(ours, [theirs('a')])).toEqual({ check: 'agrees' });
    expect(decideCheck(ours, [theirs('a'), theirs('b')])).toEqual({ check: 'strays', references: ['b'] });
    for (const list of [[], [theirs('a', 'voided')], [theirs('a', 'declined')], [theirs('b')]]) {
      expect(decideCheck(ours, list)).toMatchObject({ check: 'lost' });
    }
  });

  test('an event that says what we know asks nothing, and any other one asks the provider', () => {
    const event = (type: string, providerReference: string) => ({ type: `authorisation.${type}`, providerReference });
    expect(decideHint(event('authorised', 'a'), payment('authorised', 'a'))).toEqual({
      mayBeStray: false,
      asks: false,
    });
    expect(decideHint(event('authorised', 'b'), payment('authorised', 'a'))).toEqual({ mayBeStray: true, asks: false });
    expect(decideHint(event('authorised', 'a'), payment('unknown'))).toEqual({ mayBeStray: true, asks: true });
    expect(decideHint(event('voided', 'a'), payment('authorised', 'a'))).toEqual({ mayBeStray: false, asks: true });
  });

  test('no decision moves a payment where its table does not lead', () => {
    const anyStatus = fc.constantFrom(...(Object.keys(paymentMachine.transitions) as PaymentStatus[]));
    const anyTheirs = fc.constantFrom('authorised', 'declined', 'voided', 'captured', 'refunded') as fc.Arbitrary<
      Authorisation['status']
    >;
    const list = fc.array(anyTheirs, { maxLength: 3 }).map((all) => all.map((status, at) => theirs(`r${at}`, status)));
    fc.assert(
      fc.property(
        anyStatus,
        list,
        fc.boolean(),
        fc.integer({ min: -1, max: 1 }),
        (status, under, isGoingBack, waitMs) => {
          const moves: (PaymentStatus | undefined)[] = [];
          const mayAuthorise = ['authorising', 'unknown'].includes(status);
          if (mayAuthorise && under.length > 0 && !isGoingBack) {
            moves.push(afterAuthorise(payment(status), found(...under), { ...running, isGoingBack }).move?.status);
          }
          const begun = beginVoid(payment(status), timings);
          if (['authorising', 'unknown', 'authorised'].includes(status)) moves.push(begun.move?.status);
          if (status === 'voiding')
            moves.push(afterVoid(payment(status), decideGiveBack(under, null).end, waitMs).move?.status);
          for (const to of moves) {
            if (to !== undefined && to !== status)
              expect(mayFollow(paymentMachine, status, to), `${status} ${to}`).toBe(true);
          }
        },
      ),
    );
  });
});
