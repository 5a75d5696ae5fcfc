/**
 * Whether a text holds something that looks like a card number: 13 to 19 digits that pass the Luhn check, alone or in
 * groups of four. Digits inside a longer word or a UUID do not count, or one id in some thousands would be refused.
 */
export function holdsCardNumber(text: string): boolean {
  for (const [candidate] of text.matchAll(runOfDigits)) if (passesLuhn(candidate)) return true;
  for (const [candidate] of text.matchAll(groupsOfFour)) if (passesLuhn(candidate.replace(/\D/g, ''))) return true;
  return false;
}

/** Whether any string (or key, or whole number) at any depth of a parsed JSON value looks like a card number. */
export function valueHoldsCardNumber(value: unknown): boolean {
  if (typeof value === 'string') return holdsCardNumber(value);
  if (typeof value === 'number') return Number.isInteger(value) && holdsCardNumber(String(value));
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([key, member]) => {
    // An amount is checked by its own bounds: a large one may pass the Luhn check by chance.
    if (key === 'amount_minor' && typeof member === 'number') return false;
    return holdsCardNumber(key) || valueHoldsCardNumber(member);
  });
}

const runOfDigits = /(?<![0-9A-Za-z])\d{13,19}(?![0-9A-Za-z])/g;
const groupsOfFour = /(?<![\w-])\d{4}([ -])\d{4,6}\1\d{4,5}(?:\1\d{1,7})?(?![\w-])/g;

function passesLuhn(digits: string): boolean {
  if (digits.length < 13 || digits.length > 19) return false;
  let sum = 0;
  for (let index = 0; index < digits.length; index += 1) {
    const digit = Number(digits[digits.length - 1 - index]);
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
