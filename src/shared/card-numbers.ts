/**
 * Whether a text holds what could be a payment card's number: 13 to 19 digits that pass the Luhn check, with single
 * spaces or dashes between them or none, not touching a letter or another digit. Card data must never enter the
 * process, so in doubt the answer is yes. Two things that are not cards are left out: the digits of a UUID, and a text
 * that is as a whole an international phone number with its plus sign (E.164 has at most 15 digits; one German mobile
 * number in ten passes the Luhn check by chance).
 */
export function looksLikeCardNumber(text: string): boolean {
  if (text.length < digitsMin || phoneForm.test(text)) return false;
  // Compatibility forms (full-width digits, no-break spaces) read like the plain ones, so they are checked like them.
  const plain = /^[\x20-\x7e]*$/.test(text) ? text : text.normalize('NFKC').replace(/\p{Pd}/gu, '-');
  if (stripeForm.test(plain)) return true;
  const searched = plain.replace(uuidForm, ' ');
  for (const match of searched.matchAll(digitRun)) {
    const before = searched[match.index - 1] ?? '';
    const after = searched[match.index + match[0].length] ?? '';
    if (holdsCardNumber(match[0].split(/[ -]/), letter.test(before), letter.test(after))) return true;
  }
  return false;
}

const digitsMin = 13;
const digitsMax = 19;
const phoneForm = /^\+[1-9](?:[ -]?\d){6,14}$/;
/** The first track of a magnetic stripe, as a reader types it: there the number does touch a letter. */
const stripeForm = /B\d{13,19}\^/i;
const uuidForm = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;
const digitRun = /\d+(?:[ -]\d+)*/g;
const letter = /^\p{L}$/u;

/** Tries every stretch of whole groups, so that `order 7 4242 4242 4242 4242` is found in spite of the 7. */
function holdsCardNumber(groups: readonly string[], touchesBefore: boolean, touchesAfter: boolean): boolean {
  for (let start = touchesBefore ? 1 : 0; start < groups.length; start += 1) {
    let digits = '';
    for (let end = start; end < groups.length && digits.length < digitsMax; end += 1) {
      digits += groups[end] ?? '';
      if (end === groups.length - 1 && touchesAfter) break;
      if (digits.length >= digitsMin && digits.length <= digitsMax && passesLuhn(digits)) return true;
    }
  }
  return false;
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
