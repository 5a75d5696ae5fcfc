import { looksLikeCardNumber } from '../card-numbers.ts';
import { isRefused, type Refused, refuse } from '../failure.ts';
import { limits } from '../limits.ts';
import { childPath } from '../schema.ts';

/**
 * Whether numbers may look like card numbers. A stranger's may not; those of a body that carries a signature are
 * amounts and times, and it is for the verifier to say whose they are.
 */
export type NumbersOf = 'a stranger' | 'a signer';

/**
 * A body's bytes as JSON, or why not. What comes out has no string that PostgreSQL cannot hold, no number that
 * JavaScript cannot hold, no key that reaches a prototype, no depth above the limit, and nothing like a card number.
 */
export function parseBody(
  bytes: Uint8Array,
  numbersOf: NumbersOf = 'a stranger',
): Refused | { readonly value: unknown } {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(bytes));
  } catch {
    // The parser's own message repeats a piece of the body, which may be what must not be repeated.
    return refuse('body_malformed', 'The body is not JSON in UTF-8.');
  }
  return faultOf(value, [], numbersOf) ?? { value };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Where in the body we are. Shown as a path only when there is something to say: bodies are walked at each request. */
type Trail = (string | number)[];

function pathOf(trail: Trail): string {
  return trail.reduce<string>((path, step) => childPath(path, step), '$');
}

function faultOf(value: unknown, trail: Trail, numbersOf: NumbersOf): Refused | null {
  if (typeof value === 'string') return isFit(value) ? null : faultOfText(value, pathOf(trail));
  if (typeof value === 'number') return faultOfNumber(value, trail, numbersOf);
  if (typeof value !== 'object' || value === null) return null;
  if (trail.length >= limits.jsonDepthMax) {
    const path = pathOf(trail);
    return refuse('input_invalid', `JSON may be nested ${limits.jsonDepthMax} deep at the most.`, { path });
  }
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) {
      const fault = faultOfChild(value[index], index, trail, numbersOf);
      if (fault !== null) return fault;
    }
    return null;
  }
  const fields = value as Record<string, unknown>;
  for (const key in fields) {
    const fault = faultOfKey(key, trail) ?? faultOfChild(fields[key], key, trail, numbersOf);
    if (fault !== null) return fault;
  }
  return null;
}

function faultOfChild(child: unknown, step: string | number, trail: Trail, numbersOf: NumbersOf): Refused | null {
  trail.push(step);
  const fault = faultOf(child, trail, numbersOf);
  trail.pop();
  return fault;
}

/** Names of fields are short words; a longer one is data in the wrong place. */
const keyTextMax = 128;

function faultOfKey(key: string, trail: Trail): Refused | null {
  if (key.length > keyTextMax)
    return refuse('input_invalid', 'The name of a field is too long.', { path: pathOf(trail) });
  if (key === '__proto__' || key === 'constructor' || key === 'prototype') {
    return refuse('input_invalid', 'The name of a field is not allowed.', { path: pathOf(trail) });
  }
  if (isFit(key)) return null;
  const path = pathOf(trail);
  const fault = faultOfText(key, path);
  return fault === null ? null : refuse(fault.code, `The name of a field is refused. ${fault.message}`, { path });
}

/** Whether a text can have no fault at all. Nearly all texts end here. */
function isFit(text: string): boolean {
  return text.isWellFormed() && !text.includes('\u0000') && !looksLikeCardNumber(text);
}

/**
 * What is wrong with a text from outside, if anything: `input_invalid` or `card_number_refused`. Never repeats it.
 */
export function faultOfText(text: string, path: string): Refused | null {
  if (text.includes('\u0000') || !text.isWellFormed()) {
    return refuse('input_invalid', 'This text holds a NUL character or half of a surrogate pair.', { path });
  }
  return looksLikeCardNumber(text) ? refuseCard(path) : null;
}

/** Below it no number has the digits of a card. */
const cardNumberMin = 1e12;

function faultOfNumber(value: number, trail: Trail, numbersOf: NumbersOf): Refused | null {
  if (Math.abs(value) < cardNumberMin) return null;
  // 1e400 parses as Infinity, and above 2^53 digits are lost without a word.
  if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
    return refuse('input_invalid', 'This number is too large.', { path: pathOf(trail) });
  }
  if (numbersOf === 'a signer') return null;
  return looksLikeCardNumber(String(Math.trunc(Math.abs(value)))) ? refuseCard(pathOf(trail)) : null;
}

/** The refusal of card data. It names the place and never the value. */
export function refuseCard(path: string): Refused {
  const message =
    'This looks like a card number. Send the token of the payment provider. If it is an id of yours, use another, ' +
    'such as a UUID.';
  return refuse('card_number_refused', message, { path });
}

/** The first fault of the texts of a query string, a path or the headers that are kept; null if there is none. */
export function faultOfTexts(texts: Iterable<readonly [path: string, text: string]>): Refused | null {
  for (const [path, text] of texts) {
    const fault = faultOfText(text, path);
    if (isRefused(fault)) return fault;
  }
  return null;
}
