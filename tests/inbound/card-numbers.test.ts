import fc from 'fast-check';
import { expect, test } from 'vitest';
import { looksLikeCardNumber } from '../../src/shared/card-numbers.ts';
import { newUuid } from '../../src/shared/ids.ts';

const cards = [
  '4242424242424242',
  '4242 4242 4242 4242',
  '4242-4242-4242-4242',
  '378282246310005',
  '3782 822463 10005',
  '5555555555554444',
  '6011111111111117',
  '4222222222222',
  '6304000000000000000',
];

test('card numbers are found alone, in a sentence and between marks', () => {
  for (const card of cards) {
    for (const text of [card, `my card is ${card}.`, `(${card})`, `tok_${card}`, `7 ${card} 12/30`, `"${card}"`]) {
      expect([text, looksLikeCardNumber(text)]).toEqual([text, true]);
    }
  }
});

test('card numbers in full-width digits or with no-break spaces and long dashes are found', () => {
  const wide = '4242424242424242'.replace(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit)));
  for (const text of [wide, '4242\u00a04242\u00a04242\u00a04242', '4242–4242–4242–4242']) {
    expect([text, looksLikeCardNumber(text)]).toEqual([text, true]);
  }
});

test('what a reader of magnetic stripes types is found, of both tracks', () => {
  for (const text of [
    '%B4242424242424242^BYRON/ADA^30122010000?',
    ';4242424242424242=30122010000?',
    'b378282246310005^A^3',
  ]) {
    expect([text, looksLikeCardNumber(text)]).toEqual([text, true]);
  }
});

test('what is no card number passes', () => {
  const texts = [
    '',
    '4242424242424241',
    '424242424242',
    '42424242424242424242',
    'x4242424242424242',
    '4242424242424242x',
    '4242  4242  4242  4242',
    '85123A',
    '+44 20 7946 0958',
    '+4915112345678',
    '2026-11-21T04:00:00.000Z',
    '01890a5d-0000-7000-8000-000000000000',
  ];
  for (const text of texts) expect([text, looksLikeCardNumber(text)]).toEqual([text, false]);
});

test('an international phone number passes whatever its check digit, and a card behind a plus sign does not', () => {
  for (let last = 0; last < 10; last += 1) expect(looksLikeCardNumber(`+491511234567${last}`)).toBe(false);
  expect(looksLikeCardNumber('+4242424242424242')).toBe(true);
  expect(looksLikeCardNumber('call +4915112345678 or 4242424242424242')).toBe(true);
});

test('no id that is made here looks like a card number', () => {
  for (let count = 0; count < 20_000; count += 1) expect(looksLikeCardNumber(`ord_${newUuid()}`)).toBe(false);
  for (let digit = 0; digit < 10; digit += 1) {
    expect(looksLikeCardNumber('00000000-0000-7000-8000-000000000000'.replaceAll('0', String(digit)))).toBe(false);
  }
});

test('every number that passes the check of cards is found, wherever its spaces are', () => {
  const digits = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 12, maxLength: 18 });
  fc.assert(
    fc.property(digits, fc.infiniteStream(fc.constantFrom('', '', '', ' ', '-')), (body, gaps) => {
      const number = withCheckDigit(body);
      const spaced = [...number].map((digit, index) => (index === 0 ? digit : `${gaps.next().value}${digit}`)).join('');
      return looksLikeCardNumber(spaced);
    }),
  );
});

/** By the definition in ISO/IEC 7812-1: doubles every second digit from the right, beginning beside the check digit. */
function withCheckDigit(body: readonly number[]): string {
  const doubled = [...body].reverse().map((digit, index) => (index % 2 === 0 ? digit * 2 : digit));
  const sum = doubled.reduce((total, value) => total + Math.floor(value / 10) + (value % 10), 0);
  return `${body.join('')}${(10 - (sum % 10)) % 10}`;
}

test('a long text of digits and spaces is checked in a short time', () => {
  const text = '1 '.repeat(32_000);
  const startedAt = performance.now();
  looksLikeCardNumber(text);
  expect(performance.now() - startedAt).toBeLessThan(1000);
});
