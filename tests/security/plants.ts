import { randomBytes, randomInt } from 'node:crypto';

/** A text that must not be found, under a name for the reader of a failure, in the forms in which it could hide. */
export type Plant = { readonly name: string; readonly texts: readonly string[] };

/** Something that can be read, and where it stands. */
export type Evidence = { readonly where: string; readonly text: string };

/** A secret as it is, and as a program would carry it on: in base64, in hexadecimal, in a URL. */
export function secretPlant(name: string, secret: string): Plant {
  const bytes = Buffer.from(secret, 'utf8');
  const [base64, hex] = [bytes.toString('base64').replace(/=+$/, ''), bytes.toString('hex')];
  return { name, texts: [...new Set([secret, base64, hex, hex.toUpperCase(), encodeURIComponent(secret)])] };
}

/** Ten digits that all cards of this run share, so that one search finds any of them; new in every run. */
const core = Array.from({ length: 10 }, () => randomInt(1, 10)).join('');
let cards = 0;

/** A card number that nobody has used before: 16 digits of a known issuer that pass the Luhn check. */
export function newCard(): string {
  cards += 1;
  const body = `4${core}${String(cards).padStart(4, '0')}`;
  return `${body}${checkDigit(body)}`;
}

/** In groups of four, as people write it. */
export function grouped(card: string, between: string): string {
  return card.replace(/(\d{4})(?=\d)/g, `$1${between}`);
}

/** Every card of this run, alone, in groups, in base64 or in hexadecimal. */
export const anyCard: Plant = {
  name: 'a card number',
  texts: [
    core,
    ...[' ', '-', '%20', '+', '\u00a0'].map((between) => grouped(`4${core}0`, between)),
    Buffer.from(core, 'utf8').toString('hex'),
    // Three offsets: base64 takes three bytes at a time, and what stands before decides where the digits begin.
    ...['', '4', '44'].map((before) =>
      Buffer.from(before + core, 'utf8')
        .toString('base64')
        .slice(2, 12),
    ),
  ],
};

function checkDigit(body: string): number {
  const sum = [...body].reverse().reduce((total, digit, index) => {
    const value = index % 2 === 0 ? Number(digit) * 2 : Number(digit);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return (10 - (sum % 10)) % 10;
}

/** A text that nothing else in this run holds. */
export function marked(prefix: string): string {
  return `${prefix}planted${randomBytes(9).toString('hex')}`;
}

/** Where the plants were found: `a card number in column quotes.content`. */
export function found(plants: readonly Plant[], evidence: Iterable<Evidence>): string[] {
  const places = new Set<string>();
  for (const { where, text } of evidence) {
    for (const { name, texts } of plants) {
      if (texts.some((each) => text.includes(each))) places.add(`${name} in ${where}`);
    }
  }
  return [...places].sort();
}
