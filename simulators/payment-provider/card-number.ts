import { looksLikeCardNumber } from '../../src/shared/card-numbers.ts';

/** Whether any text, name or whole number at any depth of a parsed JSON value looks like a card number. */
export function valueHoldsCardNumber(value: unknown): boolean {
  if (typeof value === 'string') return looksLikeCardNumber(value);
  if (typeof value === 'number') return Number.isInteger(value) && looksLikeCardNumber(String(value));
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(([name, member]) => {
    // An amount has bounds of its own, and a large one may pass the Luhn check by chance.
    if (name === 'amount_minor' && typeof member === 'number') return false;
    return looksLikeCardNumber(name) || valueHoldsCardNumber(member);
  });
}
