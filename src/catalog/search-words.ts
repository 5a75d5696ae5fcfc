/** A search as PostgreSQL is asked for it: the whole text, or what stands before the last word and that word begun. */
export type SearchWords = {
  /** The text as typed, for websearch_to_tsquery. */
  readonly whole: string;
  /** What stands before the last word; empty if the last word is the only one. */
  readonly head: string;
  /** The last word as a prefix for to_tsquery, such as `'lanter':*`; null where the text does not end in a word. */
  readonly prefix: string | null;
};

/**
 * Splits off the last word, which a person may still be typing. Inside an open quotation, or after a minus sign, the
 * last word is taken as it stands: a half-typed word must not widen a phrase or exclude more than was asked for.
 */
export function searchWordsOf(text: string): SearchWords {
  // PostgreSQL's text cannot hold the character 0; it separates words like any other that is no letter.
  const whole = text.replaceAll('\0', ' ');
  const [, head = '', word = ''] = /^(.*?)([\p{L}\p{N}]{2,64})$/su.exec(whole) ?? [];
  const isQuoted = (head.split('"').length - 1) % 2 === 1;
  const isRestOfLongWord = /[\p{L}\p{N}]$/u.test(head);
  const isExcluded = /(?:^|\s)-\S*$/.test(head);
  if (word === '' || isQuoted || isRestOfLongWord || isExcluded) return { whole, head: whole, prefix: null };
  return { whole, head, prefix: `'${word}':*` };
}
