import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FaultOrder } from '../../simulators/payment-provider/faults.ts';
import { declineCodes } from '../../simulators/payment-provider/tokens.ts';
import type { Authorisation, PaymentProvider, ProviderOutcome } from '../../src/payments/provider.ts';
import { sleep } from '../../src/shared/clock.ts';
import { currencyOf, money } from '../../src/shared/money.ts';
import { Secret } from '../../src/shared/secret.ts';

/** A provider that runs, and what the suite needs around it. */
export type ProviderUnderTest = {
  readonly provider: PaymentProvider;
  /** The caller gives up after `deadlineMs`; faults that answer late wait longer than that. */
  readonly deadlineMs: number;
  readonly inject: (order: FaultOrder) => Promise<void>;
  /** Hits of all faults in force, together. */
  readonly hits: () => Promise<number>;
  readonly books: () => Promise<BookLine[]>;
  readonly stop: () => Promise<void>;
};

export type BookLine = {
  readonly type: 'authorisation' | 'key' | 'totals';
  readonly key?: string;
  readonly status?: string;
  readonly arrivals?: Readonly<Record<string, number>> | number;
  readonly movements?: readonly { readonly kind: string; readonly key: string; readonly amount_minor: number }[];
  readonly keys_with_several_authorisations?: number;
};

const gbp = currencyOf('GBP');
const pounds = (amountMinor: bigint) => money(amountMinor, gbp);

export const request = (key: string, token = 'tok_ok', amountMinor = 1_250n) => ({
  key,
  amount: pounds(amountMinor),
  token: new Secret(token),
  reference: `pay-${key}`,
});

export function done<T>(outcome: ProviderOutcome<T>): T {
  if (outcome.outcome !== 'done') expect.fail(`not done: ${JSON.stringify(outcome)}`);
  return outcome.value;
}

type Operation = 'authorise' | 'capture' | 'void' | 'refund';
const operations: readonly Operation[] = ['authorise', 'capture', 'void', 'refund'];

/** What every payment provider must do, be it an adapter to a real one or a simulator. */
export function paymentProviderContract(subject: { name: string; start: () => Promise<ProviderUnderTest> }): void {
  describe(`the contract of a payment provider: ${subject.name}`, () => {
    let under: ProviderUnderTest;
    beforeEach(async () => {
      under = await subject.start();
    });
    afterEach(() => under.stop());
    const running = (): ProviderUnderTest => under;
    movesMoney(running);
    keepsKeys(running);
    survivesFaults(running);
  });
}

function movesMoney(under: () => ProviderUnderTest): void {
  test('an authorisation holds the amount and says so', async () => {
    expect(done(await under().provider.authorise(request('a')))).toMatchObject({
      authoriseKey: 'a',
      reference: 'pay-a',
      status: 'authorised',
      currency: 'GBP',
      authorisedMinor: 1_250n,
      capturedMinor: 0n,
      refundedMinor: 0n,
      declineCode: null,
    });
  });

  test('a declined payment is refused with the provider’s code, and is found as declined', async () => {
    const { provider } = under();
    for (const code of [...declineCodes, 'invalid_token']) {
      const token = code === 'invalid_token' ? 'no-token' : `tok_${code}`;
      expect(await provider.authorise(request(code, token))).toMatchObject({ outcome: 'refused', code });
      const found = done(await provider.find({ authoriseKey: code }));
      expect(found).toMatchObject({ status: 'declined', declineCode: code });
    }
  });

  test('at most what was authorised is captured, in one part or several', async () => {
    const { provider } = under();
    const { providerReference } = done(await provider.authorise(request('a')));
    const capture = (key: string, amountMinor: bigint) =>
      provider.capture({ key, providerReference, amount: pounds(amountMinor) });
    expect(await capture('c0', 1_251n)).toMatchObject({ outcome: 'refused', code: 'amount_exceeds_authorised' });
    expect(done(await capture('c1', 1_000n))).toMatchObject({ status: 'captured', capturedMinor: 1_000n });
    expect(await capture('c2', 251n)).toMatchObject({ outcome: 'refused', code: 'amount_exceeds_authorised' });
    expect(done(await capture('c3', 250n))).toMatchObject({ status: 'captured', capturedMinor: 1_250n });
  });

  test('at most what was captured is refunded, in one part or several', async () => {
    const { provider } = under();
    const { providerReference } = done(await provider.authorise(request('a')));
    const refund = (key: string, amountMinor: bigint) =>
      provider.refund({ key, providerReference, amount: pounds(amountMinor) });
    expect(await refund('r0', 1n)).toMatchObject({ outcome: 'refused', code: 'amount_exceeds_captured' });
    done(await provider.capture({ key: 'c', providerReference, amount: pounds(900n) }));
    expect(done(await refund('r1', 400n))).toMatchObject({ status: 'captured', refundedMinor: 400n });
    expect(await refund('r2', 501n)).toMatchObject({ outcome: 'refused', code: 'amount_exceeds_captured' });
    expect(done(await refund('r3', 500n))).toMatchObject({ status: 'refunded', refundedMinor: 900n });
  });

  test('a void gives all back, also said twice, and nothing can be captured after it', async () => {
    const { provider } = under();
    const { providerReference } = done(await provider.authorise(request('a')));
    expect(done(await provider.void({ key: 'v1', providerReference })).status).toBe('voided');
    expect(done(await provider.void({ key: 'v2', providerReference })).status).toBe('voided');
    const late = await provider.capture({ key: 'c', providerReference, amount: pounds(1n) });
    expect(late).toMatchObject({ outcome: 'refused', code: 'authorisation_voided' });
  });

  test('what was captured cannot be voided', async () => {
    const { provider } = under();
    const { providerReference } = done(await provider.authorise(request('a')));
    done(await provider.capture({ key: 'c', providerReference, amount: pounds(1n) }));
    expect(await provider.void({ key: 'v', providerReference })).toMatchObject({ code: 'already_captured' });
  });

  test('the largest amount comes back to the last minor unit', async () => {
    const largest = 10_000_000_000_000n;
    expect(done(await under().provider.authorise(request('a', 'tok_ok', largest))).authorisedMinor).toBe(largest);
    const odd = 9_007_199_254_993n;
    expect(done(await under().provider.authorise(request('b', 'tok_ok', odd))).authorisedMinor).toBe(odd);
  });

  test('a reference or a currency that does not fit is refused', async () => {
    const { provider } = under();
    const amount = pounds(1n);
    const unknown = await provider.capture({ key: 'c1', providerReference: 'auth_unknown', amount });
    expect(unknown).toMatchObject({ outcome: 'refused', code: 'authorisation_not_found' });
    const { providerReference } = done(await provider.authorise(request('a')));
    const foreign = await provider.capture({ key: 'c2', providerReference, amount: money(1n, currencyOf('EUR')) });
    expect(foreign).toMatchObject({ outcome: 'refused', code: 'currency_mismatch' });
  });

  test('a card number is refused and never reaches the books', async () => {
    const outcome = await under().provider.authorise(request('a', '4242 4242 4242 4242'));
    expect(outcome).toMatchObject({ outcome: 'refused', code: 'card_number_refused' });
    expect(JSON.stringify(await under().books())).not.toContain('4242');
  });
}

function keepsKeys(under: () => ProviderUnderTest): void {
  test('the same key and body give the same result and act once', async () => {
    const { provider, books } = under();
    const first = done(await provider.authorise(request('a')));
    done(await provider.capture({ key: 'c', providerReference: first.providerReference, amount: pounds(100n) }));
    expect(done(await provider.authorise(request('a')))).toEqual(first);
    const [authorisation] = await authorisations(books);
    expect(authorisation?.arrivals).toEqual({ a: 2, c: 1 });
  });

  test('the same key many times at once acts once', async () => {
    const { provider, books } = under();
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => provider.authorise(request('a'))));
    expect(new Set(outcomes.map((outcome) => done(outcome).providerReference)).size).toBe(1);
    expect(await authorisations(books)).toHaveLength(1);
  });

  test('a refusal is repeated for its key, even once it would be possible', async () => {
    const { provider } = under();
    const { providerReference } = done(await provider.authorise(request('a')));
    const refund = { key: 'r', providerReference, amount: pounds(10n) };
    expect(await provider.refund(refund)).toMatchObject({ outcome: 'refused' });
    done(await provider.capture({ key: 'c', providerReference, amount: pounds(10n) }));
    expect(await provider.refund(refund)).toMatchObject({ outcome: 'refused', code: 'amount_exceeds_captured' });
    expect(done(await provider.refund({ ...refund, key: 'r2' })).refundedMinor).toBe(10n);
  });

  test('another request under a used key is refused and does nothing', async () => {
    const { provider, books } = under();
    const { providerReference } = done(await provider.authorise(request('a')));
    const reused = { outcome: 'refused', code: 'idempotency_key_reused' };
    expect(await provider.authorise(request('a', 'tok_ok', 1_251n))).toMatchObject(reused);
    expect(await provider.capture({ key: 'a', providerReference, amount: pounds(1n) })).toMatchObject(reused);
    expect(await authorisations(books)).toMatchObject([{ key: 'a', status: 'authorised', movements: [] }]);
  });

  test('a key that never arrived is found as nothing', async () => {
    expect(done(await under().provider.find({ authoriseKey: 'never-sent' }))).toBeNull();
  });
}

/** For each fault: how the call ends, and whether the provider had acted by then. */
const requestFaultCases = [
  { fault: 'fail_before', outcome: 'unknown', acted: false },
  { fault: 'cut_before', outcome: 'unknown', acted: false },
  { fault: 'rate_limited', outcome: 'retryable', acted: false },
  { fault: 'unavailable', outcome: 'retryable', acted: false },
  { fault: 'decline', outcome: 'refused', acted: false },
  { fault: 'fail_after', outcome: 'unknown', acted: true },
  { fault: 'act_and_cut', outcome: 'unknown', acted: true },
  { fault: 'nonsense', outcome: 'unknown', acted: true },
  { fault: 'answer_late', outcome: 'unknown', acted: true },
] as const;

function survivesFaults(under: () => ProviderUnderTest): void {
  for (const operation of operations) {
    for (const { fault, outcome, acted } of requestFaultCases) {
      test(`${operation} with ${fault} ends ${outcome}, and find tells the truth`, async () => {
        const { provider, inject, hits, deadlineMs } = under();
        const act = await prepare(provider, operation);
        await inject({ operation, fault, parameters: { ms: deadlineMs * 3 } });
        expect((await act()).outcome).toBe(outcome);
        expect(await hits()).toBe(1);
        expect(hasHappened(operation, done(await provider.find({ authoriseKey: 'a' })))).toBe(acted);
      });
    }

    test(`${operation} repeated under its key after a lost reply is done, and was done once`, async () => {
      const { provider, inject, books } = under();
      const act = await prepare(provider, operation);
      await inject({ operation, fault: 'act_and_cut', times: 3 });
      for (let time = 0; time < 3; time += 1) expect((await act()).outcome).toBe('unknown');
      expect(hasHappened(operation, done(await act()))).toBe(true);
      const [authorisation, ...more] = await authorisations(books);
      expect(more).toEqual([]);
      const keys = authorisation?.movements?.map(({ key }) => key) ?? [];
      expect(new Set(keys).size).toBe(keys.length);
    });
  }

  test('a refusal for being too fast says when to come back', async () => {
    const { provider, inject } = under();
    await inject({ operation: 'authorise', fault: 'rate_limited', parameters: { retry_after_s: 7 } });
    expect(await provider.authorise(request('a'))).toMatchObject({ outcome: 'retryable', retryAfterMs: 7_000 });
    expect((await provider.authorise(request('a'))).outcome).toBe('done');
  });

  test('a slow provider is waited for within the deadline', async () => {
    const { provider, inject } = under();
    await inject({ operation: 'authorise', fault: 'slow', parameters: { ms: 50 } });
    expect((await provider.authorise(request('a'))).outcome).toBe('done');
  });

  test('a request that arrives after we asked for it is seen when we ask again', async () => {
    const { provider, inject, deadlineMs } = under();
    await inject({ operation: 'authorise', fault: 'act_late', parameters: { ms: deadlineMs } });
    expect((await provider.authorise(request('a'))).outcome).toBe('unknown');
    expect(done(await provider.find({ authoriseKey: 'a' }))).toBeNull();
    await sleep(deadlineMs + 100);
    expect(done(await provider.find({ authoriseKey: 'a' }))).toMatchObject({ status: 'authorised' });
  });

  test('a double charge of the provider’s own stands in its books, and we keep to the first', async () => {
    const { provider, inject, books } = under();
    await inject({ operation: 'authorise', fault: 'act_twice' });
    const first = done(await provider.authorise(request('a')));
    expect(done(await provider.authorise(request('a')))).toEqual(first);
    expect(done(await provider.find({ authoriseKey: 'a' }))).toEqual(first);
    expect(await authorisations(books)).toHaveLength(2);
    expect((await books()).at(-1)).toMatchObject({ type: 'totals', keys_with_several_authorisations: 1 });
  });

  test('a question that is answered with nonsense stays open', async () => {
    const { provider, inject } = under();
    done(await provider.authorise(request('a')));
    for (const fault of ['nonsense', 'fail_before', 'cut_before'] as const) {
      await inject({ operation: 'find', fault });
      expect((await provider.find({ authoriseKey: 'a' })).outcome).toBe('unknown');
    }
    expect(done(await provider.find({ authoriseKey: 'a' }))).toMatchObject({ status: 'authorised' });
  });

  test('a fault that a token carries hits the first arrival of a key and not its repetition', async () => {
    const { provider } = under();
    const carrying = request('a', 'tok_ok.act_and_cut.capture:rate_limitedx2');
    expect((await provider.authorise(carrying)).outcome).toBe('unknown');
    const { providerReference } = done(await provider.authorise(carrying));
    const capture = () => provider.capture({ key: 'c', providerReference, amount: pounds(1n) });
    expect((await capture()).outcome).toBe('retryable');
    expect((await capture()).outcome).toBe('retryable');
    expect((await capture()).outcome).toBe('done');
  });
}

/** Brings an authorisation to where the operation is possible, and returns the operation. */
async function prepare(
  provider: PaymentProvider,
  operation: Operation,
): Promise<() => Promise<ProviderOutcome<Authorisation>>> {
  if (operation === 'authorise') return () => provider.authorise(request('a'));
  const { providerReference } = done(await provider.authorise(request('a')));
  if (operation === 'void') return () => provider.void({ key: 'v', providerReference });
  if (operation === 'capture') return () => provider.capture({ key: 'c', providerReference, amount: pounds(1_250n) });
  done(await provider.capture({ key: 'c', providerReference, amount: pounds(1_250n) }));
  return () => provider.refund({ key: 'r', providerReference, amount: pounds(1_250n) });
}

function hasHappened(operation: Operation, found: Authorisation | null): boolean {
  if (found === null || found.status === 'declined') return false;
  if (operation === 'capture') return found.capturedMinor === 1_250n;
  if (operation === 'refund') return found.refundedMinor === 1_250n;
  return operation === 'void' ? found.status === 'voided' : true;
}

async function authorisations(books: () => Promise<BookLine[]>): Promise<BookLine[]> {
  return (await books()).filter(({ type }) => type === 'authorisation');
}
