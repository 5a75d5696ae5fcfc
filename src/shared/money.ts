import { assert } from './assert.ts';
import minorUnitsTable from './iso4217.json' with { type: 'json' };

/** ISO 4217 alphabetic code, upper case. */
export type Currency = string & { readonly __currency: unique symbol };

/** An amount in minor units of its currency: 1250 GBP-minor is 12.50 GBP. Never a float. */
export type Money = { readonly amountMinor: bigint; readonly currency: Currency };

/** Ten trillion minor units. Fits a JSON number exactly (2^53), and no honest order comes near. */
export const amountMinorMax = 10_000_000_000_000n;

const minorUnits: Readonly<Record<string, number>> = minorUnitsTable.minorUnits;

/** Whether the text is a currency of the ISO 4217 table that the project carries. `Intl` is wrong for 16 codes. */
export function isCurrency(text: string): text is Currency {
  return Object.hasOwn(minorUnits, text);
}

export function currencyOf(text: string): Currency {
  assert(isCurrency(text), `an ISO 4217 currency, not ${text}`);
  return text;
}

/** How many decimals amounts of the currency have: 2 of GBP, 0 of JPY. */
export function fractionDigitsOf(currency: Currency): number {
  return minorUnits[currency] ?? 2;
}

export function money(amountMinor: bigint, currency: Currency): Money {
  assert(amountMinor <= amountMinorMax && amountMinor >= -amountMinorMax, 'an amount within the limit');
  return { amountMinor, currency };
}

export function add(left: Money, right: Money): Money {
  assert(left.currency === right.currency, 'amounts of one currency');
  return money(left.amountMinor + right.amountMinor, left.currency);
}

export function sum(amounts: readonly Money[], currency: Currency): Money {
  return amounts.reduce(add, money(0n, currency));
}

export function times(unit: Money, quantity: number): Money {
  assert(Number.isInteger(quantity) && quantity >= 0, 'a whole quantity');
  return money(unit.amountMinor * BigInt(quantity), unit.currency);
}

/**
 * Decimal text such as `8.289999999999999` to minor units, half away from zero, without floating point. Null if it is
 * no number.
 */
export function parseDecimal(text: string, currency: Currency): bigint | null {
  const match = /^(-?)(\d{1,13})(?:\.(\d{1,30}))?$/.exec(text.trim());
  if (match === null) return null;
  const [, sign = '', whole = '0', fraction = ''] = match;
  const digits = fractionDigitsOf(currency);
  const kept = fraction.slice(0, digits).padEnd(digits, '0');
  const roundsUp = (fraction[digits] ?? '0') >= '5';
  const minor = BigInt(whole + kept) + (roundsUp ? 1n : 0n);
  if (minor > amountMinorMax) return null;
  return sign === '-' ? -minor : minor;
}

/** `GBP 12.50`, for people. */
export function show(amount: Money): string {
  const digits = fractionDigitsOf(amount.currency);
  const negative = amount.amountMinor < 0n;
  const text = (negative ? -amount.amountMinor : amount.amountMinor).toString().padStart(digits + 1, '0');
  const whole = text.slice(0, text.length - digits);
  const fraction = digits === 0 ? '' : `.${text.slice(text.length - digits)}`;
  return `${amount.currency} ${negative ? '-' : ''}${whole}${fraction}`;
}

/** The JSON form of an amount: a whole number of minor units (UCP, totals). Exact because of amountMinorMax. */
export function toWire(amountMinor: bigint): number {
  assert(amountMinor <= amountMinorMax && amountMinor >= -amountMinorMax, 'an amount that JSON can carry');
  return Number(amountMinor);
}
