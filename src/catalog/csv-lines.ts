import { parse } from 'csv-parse/sync';
import { looksLikeCardNumber } from '../shared/card-numbers.ts';

/** One line of a file. `text` is null where the line is longer than the limit. */
export type NumberedLine = { readonly number: number; readonly text: string | null };

/** The longest line that is read. The longest of the sample has 110 characters. */
export const lineCharsMax = 4_096;

/**
 * Cuts text that arrives in chunks into lines, and holds at most one line. A line that is too long is skipped to its
 * end and reported once.
 */
export function lineCutter(): { push(chunk: string): NumberedLine[]; end(): NumberedLine[] } {
  let number = 0;
  let rest = '';
  let isSkipping = false;
  function take(piece: string): NumberedLine {
    number += 1;
    const text = rest + piece;
    const isTooLong = isSkipping || text.length > lineCharsMax;
    rest = '';
    isSkipping = false;
    return { number, text: isTooLong ? null : text.replace(/\r$/, '') };
  }
  return {
    push(chunk) {
      const pieces = chunk.split('\n');
      const last = pieces.pop() ?? '';
      const lines = pieces.map(take);
      if (!isSkipping) rest += last;
      if (rest.length > lineCharsMax) {
        isSkipping = true;
        rest = '';
      }
      return lines;
    },
    end: () => (rest === '' && !isSkipping ? [] : [take('')]),
  };
}

/**
 * The fields of one line, or null if its quotes are broken. A row is one line: a quotation mark that is never closed
 * then spoils its own row only, and not everything up to the next quotation mark.
 */
export function fieldsOf(line: string): readonly string[] | null {
  if (!line.includes('"')) return line.split(',');
  try {
    const rows: string[][] = parse(line, { relax_column_count: true });
    return rows.length === 1 ? (rows[0] ?? null) : null;
  } catch {
    return null;
  }
}

/** Why a line of a file has no fields. */
export type LineFault = 'too_long' | 'wrong_columns';

/** Why the text of a field is refused before anybody asks what it means. */
export type TextFault = 'card_number' | 'too_long' | 'not_text';

export function faultOfField(text: string, lengthMax: number): TextFault | null {
  if (looksLikeCardNumber(text)) return 'card_number';
  if (text.length > lengthMax) return 'too_long';
  // The decoder puts U+FFFD where the bytes are no UTF-8: what stood there is lost.
  return text.includes('\uFFFD') ? 'not_text' : null;
}

/** Control characters and runs of white space become one space. */
export function cleaned(text: string): string {
  return text.replace(/[\s\p{Cc}\p{Cf}]+/gu, ' ').trim();
}
