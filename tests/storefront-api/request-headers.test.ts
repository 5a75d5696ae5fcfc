import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isRefused } from '../../src/shared/failure.ts';
import { agentVersionOf, idempotencyKeyOf, seenVersionOf, waitMsOf } from '../../src/storefront-api/request-headers.ts';

test('any visible key is read bare, and the same from its quoted form', () => {
  const key = fc.string({
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)),
    minLength: 1,
    maxLength: 255,
  });
  fc.assert(
    fc.property(key, (text) => {
      fc.pre(!text.startsWith('"'));
      const quoted = `"${text.replace(/["\\]/g, '\\$&')}"`;
      return idempotencyKeyOf(text) === text && idempotencyKeyOf(quoted) === text;
    }),
  );
});

test('a header that is not there is no key, and an odd one is refused', () => {
  expect(idempotencyKeyOf(undefined)).toBeNull();
  for (const text of ['', '""', '"a', '"a\\b"', 'a, b', 'é', 'a'.repeat(256)]) {
    expect([text, isRefused(idempotencyKeyOf(text))]).toEqual([text, true]);
  }
});

test('the version that was seen is one strong tag of ours', () => {
  expect([undefined, '*', '"v1"', ' "v42" '].map((text) => seenVersionOf(text))).toEqual([null, null, 1, 42]);
  for (const text of ['v1', 'W/"v1"', '"v0"', '"v1", "v2"', '"x"', '', '"v9999999999"']) {
    expect([text, isRefused(seenVersionOf(text))]).toEqual([text, true]);
  }
});

test('the wait is read from among other preferences, and bounded', () => {
  const cases: [string | undefined, number][] = [
    [undefined, 0],
    ['', 0],
    ['wait=3', 3000],
    ['respond-async, wait = 3', 3000],
    ['return=minimal; foo="bar", WAIT=10', 10_000],
    ['wait=99999', 30_000],
    ['wait=-1', 0],
    ['wait=x', 0],
    ['await=5', 0],
  ];
  for (const [text, ms] of cases) expect([text, waitMsOf(text)]).toEqual([text, ms]);
});

test('the version of an agent is found beside its profile', () => {
  expect(agentVersionOf('profile="https://a.example"; version="2099-01-01"')).toBe('2099-01-01');
  expect(agentVersionOf('version="2026-04-08", profile="https://a.example"')).toBe('2026-04-08');
  expect(agentVersionOf('profile="https://a.example"')).toBeNull();
  expect(agentVersionOf(undefined)).toBeNull();
});
