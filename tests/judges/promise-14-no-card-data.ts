import type { Evidence } from './evidence.ts';
import type { Judge, Violation } from './judge.ts';

/**
 * What was planted in requests is found nowhere: in no row, answer, book or text of the run, neither as it was sent nor
 * with its digits set apart in another way.
 */
export const noCardData: Judge = {
  promise: 14,
  file: 'tests/judges/promise-14-no-card-data.ts',
  compares: 'every text of the run against strings that were planted in requests',
  judge(evidence) {
    const needles = (evidence.planted ?? []).map((planted) => ({ planted, joined: joined(planted) }));
    if (needles.length === 0) return [];
    return placesOf(evidence).flatMap(({ where, text }) => {
      const plain = joined(text);
      return needles
        .filter((needle) => text.includes(needle.planted) || (needle.joined !== '' && plain.includes(needle.joined)))
        .map(({ planted }): Violation => {
          // The violation itself must not carry on what it found.
          return { promise: 14, subject: where, says: `holds a planted string of ${planted.length} characters` };
        });
    });
  },
};

/** The text with its groups of digits joined, as a card number is written with spaces, dashes or dots. */
function joined(text: string): string {
  return text.replace(/(?<=\d)[ .-](?=\d)/g, '');
}

function placesOf({ ours, theirs, history, texts = [] }: Evidence): { where: string; text: string }[] {
  return [
    ...Object.entries(ours).map(([table, rows]) => ({ where: `table ${table}`, text: textOf(rows) })),
    { where: "the provider's books", text: textOf(theirs) },
    { where: 'the answers to clients', text: textOf(history.map(({ outcome }) => outcome)) },
    ...texts,
  ];
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) => {
    if (typeof each === 'bigint') return each.toString();
    return each instanceof Uint8Array ? Buffer.from(each).toString('latin1') : each;
  });
}
