import { InvalidArgumentError, Option } from 'commander';
import { stockUnitsMax } from '../inventory/stock.sql.ts';
import { looksLikeCardNumber } from '../shared/card-numbers.ts';
import { RefusedError, refuse } from '../shared/failure.ts';
import type { CliIo } from './cli-session.ts';

/** Parsers of option values. Commander shows what they throw, with the option's name, as wrong usage. */

const rowsMax = 1_000;

export function limitOption(byDefault = 20): Option {
  return new Option('--limit <n>', `at most so many, up to ${rowsMax}`)
    .default(byDefault)
    .argParser((text) => whole(text, 1, rowsMax));
}

/** Who does it, for the audit trail. */
export function byOption(): Option {
  return new Option(
    '--by <name>',
    'who does it, for the audit trail (default: you, as this system knows you)',
  ).argParser(shortText);
}

export function byOf(io: CliIo, options: { readonly by?: string }): string {
  return options.by ?? shortText(io.userName);
}

const textMax = 255;

/** A name, a reason, a resolution: something in one line that a row can hold. */
export function shortText(text: string): string {
  const trimmed = withoutCardNumber(text.trim());
  if (trimmed === '') throw new InvalidArgumentError('It is empty.');
  if ([...trimmed].length > textMax) throw new InvalidArgumentError(`It has more than ${textMax} characters.`);
  if (/\p{Cc}/u.test(trimmed)) throw new InvalidArgumentError('It holds a line break or another control character.');
  return trimmed;
}

/**
 * A text that is kept, as it is: it may say anything but a card number. As a refusal, because what Commander says of a
 * wrong argument repeats it.
 */
export function withoutCardNumber(text: string): string {
  if (!looksLikeCardNumber(text)) return text;
  const message = 'A text of this command looks like a card number, which is never kept here. Say it without.';
  throw new RefusedError(refuse('card_number_refused', message));
}

export function whole(text: string, least: number, most: number): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new InvalidArgumentError(`It is a whole number from ${least} to ${most}.`);
}

/** A rate or a share: digits, and a fraction of up to three digits. */
export function decimal(text: string, most: number): number {
  const value = /^\d{1,9}(\.\d{1,3})?$/.test(text) ? Number(text) : Number.NaN;
  if (value <= most) return value;
  throw new InvalidArgumentError(`It is a number from 0 to ${most}.`);
}

export function units(text: string): bigint {
  const value = /^\d{1,13}$/.test(text) ? BigInt(text) : -1n;
  if (value >= 0n && value <= stockUnitsMax) return value;
  throw new InvalidArgumentError(`It is a whole number of units from 0 to ${stockUnitsMax}.`);
}
