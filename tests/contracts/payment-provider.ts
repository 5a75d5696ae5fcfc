import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { declineCodes } from '../../simulators/payment-provider/tokens.ts';
import { currencyOf, money } from '../../src/shared/money.ts';
import { survivesFaults } from './payment-provider-faults.ts';
import { authorisations, done, type ProviderUnderTest, pounds, request } from './provider-under-test.ts';

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
      expect(found).toMatchObject([{ status: 'declined', declineCode: code }]);
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
    expect(done(await under().provider.find({ authoriseKey: 'never-sent' }))).toEqual([]);
  });
}
