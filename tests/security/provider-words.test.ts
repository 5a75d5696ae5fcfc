import { expect, test } from 'vitest';
import { outcomeOfChange, outcomeOfFind } from '../../src/payments/providers/simulated.ts';

/** A provider's words may hold what must not be kept. Its adapter hands on facts in words of our own. */

const card = '4000056655665556';
const token = 'tok_of_a_buyer';
const authorisation = {
  id: 'auth_1',
  key: 'order-authorise',
  reference: 'pay_1',
  status: 'authorised',
  currency: 'GBP',
  amount_minor: 1_250,
  captured_minor: 0,
  refunded_minor: 0,
  decline_code: null,
};
const asked = { key: 'order-authorise', reference: 'pay_1', amountMinor: 1_250n, currency: 'GBP' };
const reply = (status: number, body: unknown) => ({
  kind: 'reply' as const,
  status,
  headers: {},
  body: JSON.stringify(body),
});

test('the message of a provider that refuses is not handed on, whatever it quotes', () => {
  for (const message of [`No such token: ${token}`, 'Ada Byron, 1 High Street', 'Bearer key_live']) {
    for (const status of [400, 402, 404, 409, 422]) {
      const outcome = outcomeOfChange(reply(status, { error: { code: 'token_unknown', message } }), asked);
      expect(outcome).toEqual({ outcome: 'refused', code: 'token_unknown', reason: 'refused as token_unknown' });
    }
    const found = outcomeOfFind(reply(404, { error: { code: 'no_such_key', message } }), asked.key);
    expect(found).toEqual({ outcome: 'unknown', reason: 'refused as no_such_key' });
  }
});

test('a card number in what is kept of an answer makes nonsense of it, and in all else it is dropped', () => {
  const spaced = '4000 0566 5566 5556';
  const unkept = { card: { number: spaced }, created_at_ms: Number(card), [card]: 1 };
  const cases: [ReturnType<typeof reply>, string][] = [
    [reply(201, { ...authorisation, id: card }), 'unknown'],
    [reply(402, { error: { code: card, message: 'no' } }), 'unknown'],
    [reply(402, { error: { code: 'card_declined', message: `declined ${spaced}` } }), 'refused'],
    [reply(422, { error: { code: 'card_declined', message: 'no' }, ...unkept }), 'refused'],
    [reply(201, { ...authorisation, ...unkept }), 'done'],
  ];
  for (const [answer, expected] of cases) {
    const outcome = outcomeOfChange(answer, asked);
    expect([answer.body, outcome.outcome]).toEqual([answer.body, expected]);
    expect(shown(outcome)).not.toMatch(/4000.?0566/);
  }
  for (const spoilt of [{ id: card }, { status: 'declined', decline_code: spaced }]) {
    const found = outcomeOfFind(reply(200, { authorisations: [{ ...authorisation, ...spoilt }] }), asked.key);
    expect(found.outcome).toBe('unknown');
    expect(shown(found)).not.toMatch(/4000.?0566/);
  }
});

function shown(outcome: object): string {
  return JSON.stringify(outcome, (_, value) => (typeof value === 'bigint' ? Number(value) : value));
}
