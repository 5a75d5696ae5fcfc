import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bookLines } from './book-lines.ts';
import { type Books, type Entry, newBooks, statusOf, underKey } from './books.ts';
import { type ChangeRequest, decide, type Surroundings } from './decide.ts';
import { evolve } from './evolve.ts';
import { parseToken } from './tokens.ts';

/** Decides and writes, keeping every entry, as the simulator does with its journal. */
function provider() {
  const books = newBooks();
  const journal: Entry[] = [];
  let ids = 0;
  const around: Surroundings = {
    nowMs: 1_700_000_000_000,
    newId() {
      ids += 1;
      return String(ids);
    },
    webhook: () => ({ copies: 1, delay_ms: 0, early: false, behind_next: false }),
  };
  function ask(request: ChangeRequest, more: Partial<Surroundings> = {}): { status: number; body: object } {
    const decision = decide(books, request, { ...around, ...more });
    if (decision.decided === 'answer') return decision;
    for (const entry of decision.entries) evolve(books, entry);
    journal.push(...decision.entries);
    return books.answers.get(request.key) ?? { status: 0, body: {} };
  }
  return { books, journal, ask };
}

const authorise = (key: string, token = 'tok_ok', amount_minor = 100): ChangeRequest => {
  return { operation: 'authorise', key, amount_minor, currency: 'GBP', token, reference: 'pay' };
};
const cancel = (key: string, authorise_key: string): ChangeRequest => ({ operation: 'cancel', key, authorise_key });
const only = (books: Books, key: string) => underKey(books, key)[0] ?? expect.fail(`nothing under ${key}`);

describe('the provider’s decisions', () => {
  test('an authorisation that arrives after its key was cancelled is declined', () => {
    const { books, ask } = provider();
    expect(ask(cancel('x', 'a'))).toEqual({
      fingerprint: expect.any(String),
      status: 200,
      body: { authorisations: [] },
    });
    expect(ask(authorise('a')).status).toBe(402);
    expect(statusOf(only(books, 'a'))).toBe('declined');
    expect(only(books, 'a').decline_code).toBe('cancelled');
  });

  test('a cancellation voids all that stands under the key, the provider’s own double included', () => {
    const { books, ask } = provider();
    ask(authorise('a'), { twice: true });
    ask(cancel('x', 'a'));
    expect(underKey(books, 'a').map(statusOf)).toEqual(['voided', 'voided']);
    expect(ask(cancel('x', 'a')).status).toBe(200);
  });

  test('what was captured under a key is not cancelled', () => {
    const { books, ask } = provider();
    ask(authorise('a'));
    const capture = { operation: 'capture', amount_minor: 40, currency: 'GBP' } as const;
    ask({ ...capture, key: 'c', authorisation: only(books, 'a').id });
    expect(ask(cancel('x', 'a'))).toMatchObject({ status: 422, body: { error: { code: 'already_captured' } } });
  });

  test('whatever is asked in whatever order, money keeps its bounds and the journal makes the same books', () => {
    const key = fc.nat(30).map((number) => `k${number}`);
    const amount = fc.integer({ min: 1, max: 150 });
    const token = fc.constantFrom('tok_ok', 'tok_ok', 'tok_card_declined');
    const of = fc.nat(2);
    const asked = fc.oneof(
      fc.record({ kind: fc.constant('authorise' as const), key, amount, token }),
      fc.record({ kind: fc.constantFrom('capture' as const, 'refund' as const), key, amount, of }),
      fc.record({ kind: fc.constant('void' as const), key, of }),
      fc.record({ kind: fc.constant('cancel' as const), key, other: key }),
    );
    let moved = 0;
    fc.assert(
      fc.property(fc.array(asked, { minLength: 20, maxLength: 40 }), (requests) => {
        const { books, journal, ask } = provider();
        for (const request of requests) {
          const ids = [...books.authorisations.keys()];
          if (request.kind === 'authorise') ask(authorise(request.key, request.token, request.amount));
          else if (request.kind === 'cancel') ask(cancel(request.key, request.other));
          else {
            const authorisation = ids[request.of] ?? 'auth_unknown';
            if (request.kind === 'void') ask({ operation: 'void', key: request.key, authorisation });
            else {
              const { kind: operation, amount: amount_minor } = request;
              ask({ operation, key: request.key, authorisation, amount_minor, currency: 'GBP' });
            }
          }
        }
        for (const one of books.authorisations.values()) {
          const total = (kind: string) =>
            one.movements.filter((move) => move.kind === kind).reduce((sum, move) => sum + move.amount_minor, 0);
          moved += one.movements.length;
          expect(total('captured')).toBe(one.captured_minor);
          expect(total('refunded')).toBe(one.refunded_minor);
          expect(one.captured_minor).toBeLessThanOrEqual(one.amount_minor);
          expect(one.refunded_minor).toBeLessThanOrEqual(one.captured_minor);
          if (one.voided) expect(one.captured_minor).toBe(0);
          if (one.decline_code !== null) expect(one.movements).toEqual([]);
        }
        const again = newBooks();
        for (const entry of journal) evolve(again, JSON.parse(JSON.stringify(entry)) as Entry);
        expect([...bookLines(again)]).toEqual([...bookLines(books)]);
        expect([...again.answers]).toEqual([...books.answers]);
      }),
      { numRuns: 300 },
    );
    expect(moved).toBeGreaterThan(300);
  });
});

describe('the tokens of the simulator', () => {
  test('a token says its outcome and its faults, and anything else is invalid', () => {
    expect(parseToken('tok_ok')).toEqual({ declineCode: null, faults: [] });
    expect(parseToken('tok_insufficient_funds')).toEqual({ declineCode: 'insufficient_funds', faults: [] });
    expect(parseToken('tok_ok.slow_2000').faults).toEqual([
      { operation: 'authorise', fault: 'slow', ms: 2_000, times: 1 },
    ]);
    expect(parseToken('tok_ok.capture:act_and_cutx3.webhook:late_50').faults).toEqual([
      { operation: 'capture', fault: 'act_and_cut', times: 3 },
      { operation: 'webhook', fault: 'late', ms: 50, times: 1 },
    ]);
    for (const token of [
      '',
      'ok',
      'tok_',
      'tok_nothing',
      'tok_ok.',
      'tok_ok.sloow',
      'tok_ok.webhook:slow',
      'tok_ok.late',
      'tok_ok.capture:act_twice',
      'tok_ok.slow_x2',
    ]) {
      expect(parseToken(token), token).toEqual({ declineCode: 'invalid_token', faults: [] });
    }
  });
});
