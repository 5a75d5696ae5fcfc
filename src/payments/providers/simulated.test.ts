import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { outcomeOfChange, outcomeOfFind } from './simulated.ts';

const wire = {
  id: 'auth_1',
  key: 'a',
  reference: 'pay_1',
  status: 'authorised',
  currency: 'GBP',
  amount_minor: 1_250,
  captured_minor: 0,
  refunded_minor: 0,
  decline_code: null,
};
const asked = { key: 'a', reference: 'pay_1', amountMinor: 1_250n, currency: 'GBP' };
const reply = (status: number, body: unknown, headers: Record<string, string> = {}) => {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { kind: 'reply' as const, status, headers, body: text };
};

describe('the mapping of the simulated provider’s answers', () => {
  test('a success is believed only if it is an authorisation, and the one that was asked for', () => {
    expect(outcomeOfChange(reply(201, wire), asked)).toMatchObject({
      outcome: 'done',
      value: { authorisedMinor: 1_250n },
    });
    const wrong = [
      '',
      'OK',
      '[]',
      'null',
      { ...wire, key: 'b' },
      { ...wire, reference: 'pay_2' },
      { ...wire, amount_minor: 1_251 },
      { ...wire, amount_minor: 1_250.5 },
      { ...wire, amount_minor: '1250' },
      { ...wire, amount_minor: -1 },
      { ...wire, amount_minor: 2 ** 60 },
      { ...wire, currency: 'EUR' },
      { ...wire, status: 'approved' },
      { ...wire, status: 'declined', decline_code: 'lost_card' },
      { ...wire, id: '' },
    ];
    for (const body of wrong) expect(outcomeOfChange(reply(200, body), asked).outcome).toBe('unknown');
    expect(outcomeOfChange(reply(200, wire), { providerReference: 'auth_2' }).outcome).toBe('unknown');
  });

  test('only what the provider says in its own form is a refusal or a promise that nothing was done', () => {
    const error = { error: { code: 'insufficient_funds', message: 'No.' } };
    const notActed = { error: { ...error.error, acted: false } };
    const cases: [number, unknown, string][] = [
      [402, error, 'refused'],
      [404, error, 'refused'],
      [409, error, 'refused'],
      [422, error, 'refused'],
      [402, 'Payment Required', 'unknown'],
      [404, '<html>not here</html>', 'unknown'],
      [401, error, 'retryable'],
      [401, 'who are you', 'unknown'],
      [429, 'slow down', 'retryable'],
      [503, notActed, 'retryable'],
      [503, error, 'unknown'],
      [500, notActed, 'unknown'],
      [302, '', 'unknown'],
      [408, '', 'unknown'],
      [204, '', 'unknown'],
    ];
    for (const [status, body, outcome] of cases) {
      expect(outcomeOfChange(reply(status, body), asked).outcome, `${status} ${JSON.stringify(body)}`).toBe(outcome);
    }
  });

  test('Retry-After is read as seconds, capped, and nonsense in it is left out', () => {
    const at = (header: string) => outcomeOfChange(reply(429, '', { 'retry-after': header }), asked);
    expect(at('3')).toMatchObject({ retryAfterMs: 3_000 });
    expect(at('999999')).toMatchObject({ retryAfterMs: 3_600_000 });
    for (const header of ['-1', 'soon', '1.5', '']) expect(at(header)).not.toHaveProperty('retryAfterMs');
  });

  test('what is found is under the key that was asked for, or it is unknown', () => {
    expect(outcomeOfFind(reply(200, { authorisations: [] }), 'a')).toEqual({ outcome: 'done', value: [] });
    expect(outcomeOfFind(reply(200, { authorisations: [wire] }), 'a')).toMatchObject({
      value: [{ authoriseKey: 'a' }],
    });
    expect(outcomeOfFind(reply(200, { authorisations: [wire] }), 'b').outcome).toBe('unknown');
    for (const body of ['', '{}', '[]', { authorisations: null }]) {
      expect(outcomeOfFind(reply(200, body), 'a').outcome).toBe('unknown');
    }
    const error = { error: { code: 'gone', message: 'No.' } };
    expect(outcomeOfFind(reply(404, error), 'a').outcome).toBe('unknown');
  });

  test('no garbage is taken for a payment that was made or refused', () => {
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), fc.oneof(fc.json(), fc.string()), (status, body) => {
        expect(['unknown', 'retryable']).toContain(outcomeOfChange(reply(status, body), asked).outcome);
        expect(['unknown', 'retryable']).toContain(outcomeOfFind(reply(status, body), 'a').outcome);
      }),
    );
  });
});
