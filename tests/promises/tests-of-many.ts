import type { PromiseEntry } from '../../src/main/docs-promises.ts';

/** What the schema itself refuses. */
export const schema = 'tests/promises/schema-refuses.db.test.ts';

/** Bounded pieces of the proof: runs under faults of one kind, after which the judges of all promises look. */
export const underFaults = [
  ...of('tests/crash/crash.http.test.ts', [
    'whatever process dies at whatever call, what was begun is carried to its end and every promise is kept',
  ]),
  ...of('tests/durability/durability.http.test.ts', [
    'no acknowledged order is lost when PostgreSQL is killed, and killed again while it recovers',
  ]),
  ...of('tests/network/resiliency.http.test.ts', [
    'whatever way between two parts is broken, a buyer is answered once and every promise is kept',
  ]),
  ...of('tests/simulation/simulation.test.ts', [
    'in simulated worlds with every fault that we know, every promise is kept',
  ]),
];

/** Cards and secrets are put into whatever takes a text, and looked for in whatever keeps or says one. */
export const plantedAndSearched: PromiseEntry['tests'] = [
  ...of('tests/security/planted.http.test.ts', [
    'in any field of any body is refused',
    'in any header of a request that is executed is refused or dropped',
    'in a URL, in bytes that are no HTTP and in a body that is not read is not kept',
    'finds no card number and no secret but our own key, which goes to the provider in its header',
    'finds the tokens of payments at rest in payments.token alone, and sent to the provider alone',
    'finds in the files of the database and in its write-ahead log no card number and no secret',
    'finds what is planted for it in each of these places',
  ]),
  ...of('tests/security/operators-text.db.test.ts', [
    'a card number in any text that an operator gives is refused, not repeated and not kept',
    'a product whose name or SKU looks like a card number is left out of the catalogue',
  ]),
  ...of('tests/security/provider-words.test.ts', [
    'the message of a provider that refuses is not handed on, whatever it quotes',
    'a card number in what is kept of an answer makes nonsense of it, and in all else it is dropped',
  ]),
  ...of('tests/security/webhooks-kept.http.test.ts', [
    'of a webhook only the fields that are read are kept',
    'a card number for an id of an event is refused in spite of its signature, and not kept',
  ]),
];

/** Tests of one file, by their names. */
export function of(file: string, names: readonly string[]): PromiseEntry['tests'] {
  return names.map((name) => ({ file, name }));
}
