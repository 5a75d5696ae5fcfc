/**
 * Whether a text holds what could be a payment card's number: the digits of an issuer (ISO/IEC 7812-1), in a length
 * that this issuer uses, with a check digit by Luhn. Card data must never enter, so it is looked for in every
 * disguise that people and programs put it into by habit: decimal digits of any script, touching letters, and in
 * groups with anything between them that is neither a letter nor a digit, as long as it is the same between all
 * groups, or the groups are those that are printed on cards.
 *
 * What is not found: a number in pieces that letters part, or inside of a longer run of digits. What is found and is
 * none, measured on a million each: of random digits 0.7 % with 13 of them, 0.4 % with 14, 0.6 % with 15, 4.0 % with
 * 16, 1.8 % with 17 and 18, 2.8 % with 19; of texts with three telephone numbers in a row and no plus sign 0.3 %. Not
 * one of epoch milliseconds, micro- and nanoseconds, .NET ticks, times in seven forms, UUIDs, ULIDs, hexadecimal ids,
 * tokens, EAN-13 of any prefix, telephone numbers of 47 countries in seven forms, order numbers with up to 12 digits,
 * with a date or of marketplaces, coordinates, and floats. tests/inbound/card-numbers.test.ts measures again.
 */
export function looksLikeCardNumber(text: string): boolean {
  if (text.length < digitsMin || !mayHoldDigits(text)) return false;
  const plain = plainOf(text);
  if (wholeForms.test(plain.trim())) return false;
  return stretchesOf(plain.replace(idForms, 'x')).some(holdsCardNumber);
}

const digitsMin = 13;
const digitsMax = 19;

/**
 * Who issues, by the first digits, and how long the numbers are. From the registry's public excerpts and the schemes'
 * own manuals; where these allow lengths that nobody is known to issue, and numbers of another kind look alike, it
 * says so.
 */
const issuers: readonly { readonly prefix: RegExp; readonly lengths: readonly number[] }[] = [
  // Visa.
  { prefix: /^4/, lengths: [16, 19] },
  // Visa's old ones, which nobody issues any more. Without those that are an Austrian, a British (44 0…) or a German
  // telephone number where the plus sign was left out; isTradeNumber takes out the EAN-13.
  { prefix: /^4(?!3|40|9)/, lengths: [13] },
  // Mastercard.
  { prefix: /^(?:5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720)/, lengths: [16] },
  // American Express.
  { prefix: /^3[47]/, lengths: [15] },
  // Diners Club.
  { prefix: /^(?:30[0-5]|3095|36|3[89])/, lengths: [14, 15, 16, 17, 18, 19] },
  // JCB.
  { prefix: /^35(?:2[89]|[3-8])/, lengths: [16, 17, 18, 19] },
  // Discover, UnionPay, Maestro and others of the sixes. Maestro may have 12 to 15 digits too: hardly a card has, and
  // a telephone number of Indonesia or Malaysia without its plus sign, or a British EAN-13, would be refused one time
  // in ten. .NET counts its ticks in 18 digits that begin with 638 or 639 until the year 2029.
  { prefix: /^(?:5[0678]|6(?!3[89]))/, lengths: [16, 17, 18, 19] },
  { prefix: /^63[89]/, lengths: [16, 17, 19] },
  // Schemes of single countries: Mir, RuPay, Troy, Uzcard, Humo, Napas.
  { prefix: /^(?:220[0-4]|8[12]|9792|8600|9860)/, lengths: [16] },
  { prefix: /^9704/, lengths: [16, 19] },
];

/**
 * Texts that are one thing as a whole: a telephone number with its plus sign or two zeros (up to 13 digits: no longer
 * one begins as cards do), and a decimal fraction (a spreadsheet's 8.289999999999999).
 */
const wholeForms = /^(?:(?:\+|00[ ()./-]{0,3})[1-9](?:[ ()./-]{0,3}\d){6,12}|-?\d{1,12}\.\d+)$/;
/**
 * UUIDs, hexadecimal ids of the usual lengths (object ids, MD5, SHA-1, SHA-256), and order numbers of marketplaces.
 */
const idForms = new RegExp(
  `(?<![\\p{L}\\p{N}])(?:${[
    '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}',
    '(?=[0-9]*[a-f])(?:[0-9a-f]{24}|[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})',
    '[0-9]{3}-[0-9]{7}-[0-9]{7}',
  ].join('|')})(?![\\p{L}\\p{N}])`,
  'giu',
);

/** Whether the text can have enough digits. Nearly all texts end here. */
function mayHoldDigits(text: string): boolean {
  let count = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return true;
    if (code >= 0x30 && code <= 0x39) count += 1;
  }
  return count >= digitsMin;
}

/** The text as it reads: compatibility forms, digits of every script, and marks and signs that take no room. */
function plainOf(text: string): string {
  if (/^[\t\n\r\x20-\x7e]*$/.test(text)) return text;
  return text
    .normalize('NFKC')
    .replace(/[\p{Default_Ignorable_Code_Point}\p{Cf}\p{M}]+/gu, '')
    .replace(/(?![0-9])\p{Nd}/gu, plainDigit);
}

/** Unicode keeps the ten digits of a script together and in order, so their place in the run is their value. */
function plainDigit(digit: string): string {
  const code = digit.codePointAt(0) ?? 0;
  let before = 0;
  while (/^\p{Nd}$/u.test(String.fromCodePoint(code - before - 1))) before += 1;
  return String(before % 10);
}

/** A run of digits, and what stands between it and the one before: '' for white space and dashes only. */
type Group = { readonly digits: string; readonly joint: string };

/** Runs of digits that no letter parts. */
function stretchesOf(text: string): Group[][] {
  const stretches: Group[][] = [];
  let endedAt = 0;
  for (const match of text.matchAll(/\d+/g)) {
    const between = text.slice(endedAt, match.index);
    const group = { digits: match[0], joint: between.replace(/[\s\p{Pd}]+/gu, '') };
    const stretch = stretches.at(-1);
    if (stretch === undefined || /[\p{L}\p{N}]/u.test(between)) stretches.push([group]);
    else stretch.push(group);
    endedAt = match.index + match[0].length;
  }
  return stretches;
}

/** Tries every stretch of whole groups, so that `order 7 4242 4242 4242 4242` is found in spite of the 7. */
function holdsCardNumber(groups: readonly Group[]): boolean {
  for (let start = 0; start < groups.length; start += 1) {
    let digits = '';
    for (let end = start; end < groups.length && digits.length < digitsMax; end += 1) {
      digits += groups[end]?.digits ?? '';
      if (isCardNumber(digits) && readAsOne(groups.slice(start, end + 1))) return true;
    }
  }
  return false;
}

function isCardNumber(digits: string): boolean {
  const { length } = digits;
  if (length < digitsMin || length > digitsMax || !passesLuhn(digits) || isTradeNumber(digits)) return false;
  return issuers.some((issuer) => issuer.lengths.includes(length) && issuer.prefix.test(digits));
}

/** As on a card: in fours, 4-6-5, 4-6-4, or each digit by itself. */
const printedGroups = /^(?:4(?:,4)+(?:,[1-3])?|4,6,[45]|1(?:,1)+)$/;

/**
 * Whether groups are one number: with the same sign between all of them, or grouped as on a card. A date with its
 * time, a pair of coordinates or a list of prices has several signs in it.
 */
function readAsOne(groups: readonly Group[]): boolean {
  const [joint = '', ...others] = groups.slice(1).map((group) => group.joint);
  if (others.every((other) => other === joint)) return true;
  return printedGroups.test(groups.map(({ digits }) => digits.length).join());
}

/** Whether 13 digits end in the check digit of an EAN-13 (GTIN-13). */
function isTradeNumber(digits: string): boolean {
  if (digits.length !== 13) return false;
  const sum = [...digits].reduce((total, digit, index) => total + Number(digit) * (index % 2 === 1 ? 3 : 1), 0);
  return sum % 10 === 0;
}

function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = Number(digits[digits.length - 1 - index]);
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
