import { expect, test } from 'vitest';
import type { Authorisation, PaymentProvider, ProviderOutcome } from '../../src/payments/provider.ts';
import { sleep } from '../../src/shared/clock.ts';
import { authorisations, done, type ProviderUnderTest, pounds, request } from './provider-under-test.ts';

type Operation = 'authorise' | 'capture' | 'void' | 'refund';
const operations: readonly Operation[] = ['authorise', 'capture', 'void', 'refund'];

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

/** The part of the contract that says how each call ends when the provider or the way to it fails. */
export function survivesFaults(under: () => ProviderUnderTest): void {
  for (const operation of operations) {
    for (const { fault, outcome, acted } of requestFaultCases) {
      test(`${operation} with ${fault} ends ${outcome}, and find tells the truth`, async () => {
        const { provider, inject, hits, deadlineMs } = under();
        const act = await prepare(provider, operation);
        await inject({ operation, fault, parameters: { ms: deadlineMs * 3 } });
        expect((await act()).outcome).toBe(outcome);
        expect(await hits()).toBe(1);
        const [found] = done(await provider.find({ authoriseKey: 'a' }));
        expect(hasHappened(operation, found ?? null)).toBe(acted);
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
    expect(done(await provider.find({ authoriseKey: 'a' }))).toEqual([]);
    await sleep(deadlineMs + 100);
    expect(done(await provider.find({ authoriseKey: 'a' }))).toMatchObject([{ status: 'authorised' }]);
  });

  test('a double charge of the provider’s own stands in its books, and both are found, first one first', async () => {
    const { provider, inject, books } = under();
    await inject({ operation: 'authorise', fault: 'act_twice' });
    const first = done(await provider.authorise(request('a')));
    expect(done(await provider.authorise(request('a')))).toEqual(first);
    const found = done(await provider.find({ authoriseKey: 'a' }));
    expect(found).toMatchObject([first, { status: 'authorised', authoriseKey: 'a', authorisedMinor: 1_250n }]);
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
    expect(done(await provider.find({ authoriseKey: 'a' }))).toMatchObject([{ status: 'authorised' }]);
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
