/**
 * Numbers that are no card numbers and that honest texts hold, made at random: each kind in the forms that it is
 * written in.
 */

/** From 0 up to 1, 1 left out. */
export type Random = () => number;

export const otherNumbers: Readonly<Record<string, (random: Random) => string>> = {
  'epoch milliseconds': (random) => String(epochMs(random)),
  'epoch microseconds': (random) => `${epochMs(random)}${digits(random, 3)}`,
  'epoch nanoseconds': (random) => `${epochMs(random)}${digits(random, 6)}`,
  '.NET ticks': (random) =>
    `${BigInt(between(random, 1_670_000_000_000, 1_860_000_000_000)) * 10_000n + 621_355_968_000_000_000n}`,
  times: (random) => one(random, timeForms)(new Date(epochMs(random))),
  'UUIDs of version 4 and 7': (random) => one(random, [uuid, bareUuid])(random),
  ULIDs: (random) => `01${text(random, '0123456789ABCDEFGHJKMNPQRSTVWXYZ', 24)}`,
  'hexadecimal ids': (random) => `x-${text(random, '0123456789abcdef', one(random, [24, 32, 40, 64]))}`,
  'random tokens': (random) => `tok_${text(random, base62, 24)}`,
  'EAN-13': (random) => ean(random, digits(random, 3)),
  'EAN-13 of Germany, Japan and Russia': (random) => ean(random, String(between(random, 400, 499))),
  'EAN-13 in printed groups': (random) => ean(random, digits(random, 3)).replace(/^(\d)(\d{6})/, '$1 $2 '),
  'telephone numbers': (random) => one(random, phoneForms)(one(random, countries), random),
  'marketplace order numbers': (random) => `${digits(random, 3)}-${digits(random, 7)}-${digits(random, 7)}`,
  'order numbers of up to 12 digits': (random) => `Order ${digits(random, between(random, 4, 12))}`,
  'dated order numbers': (random) => `ORD-${compact(new Date(epochMs(random))).slice(0, 8)}-${digits(random, 6)}`,
  coordinates: (random) => `${(random() * 90).toFixed(6)}, ${(random() * 180).toFixed(6)}`,
  'prices with the float of a spreadsheet': (random) => String(random() * 100),
};

/** Kinds of which a share cannot be told from card numbers, and how large that share may be. */
export const lookAlikes: Readonly<Record<string, { make: (random: Random) => string; shareMax: number }>> = {
  '13 random digits': { make: (random) => digits(random, 13), shareMax: 0.008 },
  '14 random digits': { make: (random) => digits(random, 14), shareMax: 0.005 },
  '15 random digits': { make: (random) => digits(random, 15), shareMax: 0.007 },
  '16 random digits': { make: (random) => digits(random, 16), shareMax: 0.042 },
  '17 random digits': { make: (random) => digits(random, 17), shareMax: 0.024 },
  '18 random digits': { make: (random) => digits(random, 18), shareMax: 0.024 },
  '19 random digits': { make: (random) => digits(random, 19), shareMax: 0.034 },
  'three telephone numbers without plus signs in one text': {
    make: (random) => [1, 2, 3].map(() => bare(one(random, countries), random)).join(', '),
    shareMax: 0.02,
  },
};

const base62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Calling code, and how many digits follow it in that country: the least and the most. */
const countries = [
  ['1', 10, 10],
  ['20', 8, 10],
  ['27', 9, 9],
  ['30', 10, 10],
  ['31', 9, 9],
  ['32', 8, 9],
  ['33', 9, 9],
  ['34', 9, 9],
  ['351', 9, 9],
  ['352', 6, 9],
  ['353', 7, 9],
  ['354', 7, 7],
  ['358', 5, 10],
  ['36', 8, 9],
  ['38', 9, 9],
  ['380', 9, 9],
  ['39', 6, 11],
  ['40', 9, 9],
  ['41', 9, 9],
  ['420', 9, 9],
  ['421', 9, 9],
  ['43', 7, 11],
  ['44', 9, 10],
  ['45', 8, 8],
  ['46', 7, 9],
  ['47', 8, 8],
  ['48', 9, 9],
  ['49', 7, 11],
  ['52', 10, 10],
  ['54', 10, 11],
  ['55', 10, 11],
  ['57', 10, 10],
  ['60', 8, 10],
  ['61', 9, 9],
  ['62', 8, 12],
  ['63', 10, 10],
  ['64', 8, 9],
  ['65', 8, 8],
  ['66', 8, 9],
  ['7', 10, 10],
  ['81', 9, 10],
  ['82', 8, 10],
  ['86', 10, 11],
  ['90', 10, 10],
  ['91', 10, 10],
  ['971', 8, 9],
  ['972', 8, 9],
] as const;
type Country = (typeof countries)[number];

const phoneForms: readonly ((country: Country, random: Random) => string)[] = [
  (country, random) => `+${bare(country, random)}`,
  (country, random) => `00${bare(country, random)}`,
  bare,
  ([code, least, most], random) => `+${code} ${inPairs(national(random, least, most))}`,
  ([code, least, most], random) => `+${code} (0) ${inPairs(national(random, least, most))}`,
  ([code, least, most], random) => `00 ${code} ${inPairs(national(random, least, most))}`,
  ([code, least, most], random) => `Call +${code}-${national(random, least, most)} after six`,
];

function bare([code, least, most]: Country, random: Random): string {
  return `${code}${national(random, least, most)}`;
}

function national(random: Random, least: number, most: number): string {
  return `${between(random, 1, 9)}${digits(random, between(random, least, most) - 1)}`;
}

function inPairs(number: string): string {
  return number.replace(/(\d{3})(\d{3})(?=\d)/, '$1 $2 ');
}

const timeForms: readonly ((at: Date) => string)[] = [
  (at) => at.toISOString(),
  compact,
  (at) => compact(at).slice(0, 14),
  (at) => at.toISOString().replace(/[-:.]/g, ''),
  (at) => at.toISOString().replace('T', ' '),
  (at) => at.toISOString().replace(/(\d+)-(\d+)-(\d+)T([\d:]+).*/, '$3.$2.$1 $4'),
  (at) => at.toISOString().replace(/(\d+)-(\d+)-(\d+)T([\d:]+).*/, '$2/$3/$1 $4'),
];

/** 20261121050642123. */
function compact(at: Date): string {
  return at.toISOString().replace(/\D/g, '');
}

/** Between the years 2001 and 2033, where there are 13 digits. */
function epochMs(random: Random): number {
  return between(random, 1_000_000_000_000, 2_000_000_000_000);
}

function uuid(random: Random): string {
  const time = one(random, ['0190', '0199', '01a1', text(random, '0123456789abcdef', 4)]);
  const rest = text(random, '0123456789abcdef', 28);
  return `${time}${rest}`.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

function bareUuid(random: Random): string {
  return uuid(random).replaceAll('-', '');
}

function ean(random: Random, prefix: string): string {
  const body = `${prefix}${digits(random, 9)}`;
  const sum = [...body].reduce((total, digit, index) => total + Number(digit) * (index % 2 === 1 ? 3 : 1), 0);
  return `${body}${(10 - (sum % 10)) % 10}`;
}

function digits(random: Random, count: number): string {
  return text(random, '0123456789', count);
}

function text(random: Random, alphabet: string, count: number): string {
  return Array.from({ length: count }, () => alphabet[Math.floor(random() * alphabet.length)]).join('');
}

function between(random: Random, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}

function one<T>(random: Random, among: readonly T[]): T {
  return among[Math.floor(random() * among.length)] as T;
}
