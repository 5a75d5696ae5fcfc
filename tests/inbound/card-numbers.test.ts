import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../src/operations/replay-seed.ts';
import { looksLikeCardNumber } from '../../src/shared/card-numbers.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { lookAlikes, otherNumbers } from './other-numbers.ts';

const cards = [
  '4242424242424242',
  '4242 4242 4242 4242',
  '4242-4242-4242-4242',
  '378282246310005',
  '3782 822463 10005',
  '5555555555554444',
  '2223003122003222',
  '6011111111111117',
  '4222222222222',
  '30569309025904',
  '3566002020360505',
  '6200000000000005',
  '6759649826438453',
  '6304000000000000000',
  '2200000000000004',
];

/** First digits and lengths, as the issuers' manuals have them. */
const issuers: readonly (readonly [prefixes: readonly string[], lengths: readonly number[]])[] = [
  [['4'], [16, 19]],
  [['41', '42', '45', '46', '47', '48'], [13]],
  [['51', '55', '2221', '2300', '2650', '2719', '2720'], [16]],
  [['34', '37'], [15]],
  [
    ['300', '305', '36', '38', '39'],
    [14, 16, 19],
  ],
  [
    ['3528', '3589', '6011', '644', '649', '65', '62', '50', '56', '58', '60', '67', '69'],
    [16, 17, 18, 19],
  ],
];

/** A number that an issuer could issue. */
const cardNumber = fc
  .constantFrom(
    ...issuers.flatMap(([prefixes, lengths]) =>
      prefixes.flatMap((prefix) => lengths.map((length) => ({ prefix, length }))),
    ),
  )
  .chain(({ prefix, length }) =>
    fc
      .array(fc.integer({ min: 0, max: 9 }), {
        minLength: length - prefix.length - 1,
        maxLength: length - prefix.length - 1,
      })
      .map((body) => withCheckDigit([...[...prefix].map(Number), ...body])),
  )
  .filter((number) => number.length !== 13 || !isEan(number));
test('what a reader of magnetic stripes types is found, of both tracks', () => {
  for (const text of [
    '%B4242424242424242^BYRON/ADA^30122010000?',
    ';4242424242424242=30122010000?',
    'b378282246310005^A^3',
  ]) {
    expect([text, looksLikeCardNumber(text)]).toEqual([text, true]);
  }
});

/** By the definition in ISO/IEC 7812-1: doubles every second digit from the right, beginning beside the check digit. */
function withCheckDigit(body: readonly number[]): string {
  const doubled = [...body].reverse().map((digit, index) => (index % 2 === 0 ? digit * 2 : digit));
  const sum = doubled.reduce((total, value) => total + Math.floor(value / 10) + (value % 10), 0);
  return `${body.join('')}${(10 - (sum % 10)) % 10}`;
}

function isEan(number: string): boolean {
  return [...number].reduce((sum, digit, index) => sum + Number(digit) * (index % 2 === 0 ? 1 : 3), 0) % 10 === 0;
}

const signs = ['.', '/', '_', ':', ',', '·', '+', '|', '*', '\t', '   ', '\n', '\u00a0', '\u2009', '\u202f', '\u3000'];
const signsWithoutRoom = ['\u200b', '\u200d', '\u2060', '\ufeff', '\u00ad', '\ufe0f\u20e3', '\u3164'];
/** The digit 0 of full width, Arabic, Persian, Devanagari, Bengali, Thai, two of Karen side by side, and bold ones. */
const zeros = [0xff10, 0x660, 0x6f0, 0x966, 0x9e6, 0xe50, 0x116d0, 0x116da, 0x1d7ce];

describe('a card number', () => {
  test('is found alone, in a sentence and between marks', () => {
    for (const card of cards) {
      for (const text of [card, `my card is ${card}.`, `(${card})`, `tok_${card}`, `7 ${card} 12/30`, `"${card}"`]) {
        expect([text, looksLikeCardNumber(text)]).toEqual([text, true]);
      }
    }
  });

  test('is found where it touches letters', () => {
    for (const text of ['card4242424242424242x', 'x4242424242424242', '4242424242424242x', 'é4242424242424242']) {
      expect([text, looksLikeCardNumber(text)]).toEqual([text, true]);
    }
  });

  test('is found with any sign between its groups or between all of its digits', () => {
    for (const sign of [...signs, ...signsWithoutRoom, '-', '–', ' - ', ') (', '. ']) {
      for (const parts of [['4242', '4242', '4242', '4242'], [...'4242424242424242'], ['37', '8282246310005']]) {
        const text = parts.join(sign);
        expect([sign, text, looksLikeCardNumber(text)]).toEqual([sign, text, text !== '37.8282246310005']);
      }
    }
  });

  test('is found with several signs between groups as they are printed', () => {
    for (const text of [
      '4242.4242/4242_4242',
      '3782/822463.10005',
      [...'4242424242424242'].join(' .').replace(' ', '/'),
    ]) {
      expect([text, looksLikeCardNumber(text)]).toEqual([text, true]);
    }
  });

  test('is found in the digits of every script', () => {
    for (const zero of zeros) {
      for (const card of ['4242424242424242', '3782 822463 10005']) {
        const text = card.replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)));
        expect([text, looksLikeCardNumber(text)]).toEqual([text, true]);
      }
    }
  });

  test('of every issuer and length is found, wherever its spaces and dashes are', () => {
    fc.assert(
      fc.property(cardNumber, fc.infiniteStream(fc.constantFrom('', '', '', ' ', '-', '  ')), (number, gaps) => {
        const spaced = [...number]
          .map((digit, index) => (index === 0 ? digit : `${gaps.next().value}${digit}`))
          .join('');
        return looksLikeCardNumber(spaced) && looksLikeCardNumber(`Karte:${spaced}!`);
      }),
      { numRuns: 2_000 },
    );
  });

  test('of every issuer is found in any disguise of one sign and one script', () => {
    const disguise = fc.record({
      number: cardNumber,
      sign: fc.constantFrom(...signs, ...signsWithoutRoom, ' ', '-'),
      everyDigits: fc.constantFrom(1, 4),
      zero: fc.constantFrom(0x30, ...zeros),
    });
    fc.assert(
      fc.property(disguise, ({ number, sign, everyDigits, zero }) => {
        const groups = number.match(new RegExp(`.{1,${everyDigits}}`, 'g')) ?? [];
        const text = groups.join(sign).replace(/\d/g, (digit) => String.fromCodePoint(zero + Number(digit)));
        return looksLikeCardNumber(text);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('what is no card number', () => {
  test('passes, in the forms that people and programs write', () => {
    const texts = [
      '',
      '4242424242424241',
      '424242424242',
      '42424242424242424242',
      '1234567890123452',
      '7992739871300000',
      '85123A',
      '+44 20 7946 0958',
      '+44 (0) 20 7946 0958',
      '0044 20 7946 0958',
      '00 49 151 12345678',
      '+4915112345678',
      '2026-11-21T04:00:00.000Z',
      '30.11.2026, 14:00:00',
      '4/15/2026 14:30:00',
      '52.520008, 13.404954',
      '40846.67847222222',
      '302-1234567-1234567',
      '01890a5d-0000-7000-8000-000000000000',
    ];
    for (const text of texts) expect([text, looksLikeCardNumber(text)]).toEqual([text, false]);
  });

  test('a telephone number passes whatever its last digit, and a card behind a plus sign does not', () => {
    for (let last = 0; last < 10; last += 1) {
      for (const start of ['+', '00', '00 ', '', 'Call ']) {
        expect(looksLikeCardNumber(`${start}491511234567${last}`)).toBe(false);
        expect(looksLikeCardNumber(`${start}43 664 1234567${last}0`)).toBe(false);
      }
    }
    for (const text of ['+4242424242424242', '+378282246310005', '00 4242 4242 4242 4242']) {
      expect([text, looksLikeCardNumber(text)]).toEqual([text, true]);
    }
    expect(looksLikeCardNumber('call +4915112345678 or 4242424242424242')).toBe(true);
  });

  test('no id that is made here looks like a card number', () => {
    for (let count = 0; count < 20_000; count += 1) expect(looksLikeCardNumber(`ord_${newUuid()}`)).toBe(false);
    for (let digit = 0; digit < 10; digit += 1) {
      expect(looksLikeCardNumber('00000000-0000-7000-8000-000000000000'.replaceAll('0', String(digit)))).toBe(false);
    }
  });

  test('a card number is not hidden by an id beside it', () => {
    expect(looksLikeCardNumber(`${newUuid()} 4242424242424242`)).toBe(true);
    expect(looksLikeCardNumber('302-1234567-1234567 4242424242424242')).toBe(true);
    expect(looksLikeCardNumber('face4242424242424242cafe0')).toBe(true);
  });

  for (const [kind, make] of Object.entries(otherNumbers)) {
    test(`of 20,000 ${kind}, none is taken for a card number`, () => {
      const random = seededRandom(kind);
      const taken = Array.from({ length: 20_000 }, () => make(random)).filter(looksLikeCardNumber);
      expect(taken).toEqual([]);
    });
  }

  for (const [kind, { make, shareMax }] of Object.entries(lookAlikes)) {
    test(`of ${kind}, at most ${shareMax * 100} % are taken for card numbers`, () => {
      const random = seededRandom(kind);
      const taken = Array.from({ length: 50_000 }, () => make(random)).filter(looksLikeCardNumber);
      expect(taken.length / 50_000).toBeLessThan(shareMax);
    });
  }
});

test('a long text of digits and signs is checked in a short time', () => {
  const hard = ['1 ', '1', '1.', '4242 ', '1\u200b', `1${'.'.repeat(99)}`, '+4', '00 1', 'f', '00000000-'];
  for (const piece of hard) {
    const text = piece.repeat(64_000 / piece.length);
    const startedAt = performance.now();
    looksLikeCardNumber(text);
    expect([piece, performance.now() - startedAt < 1_000]).toEqual([piece, true]);
  }
});
