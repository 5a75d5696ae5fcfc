import { type TSchema, Type } from '@sinclair/typebox';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseProductsQuery } from '../../src/catalog/products-wire.ts';
import { isRefused } from '../../src/shared/failure.ts';
import { parserOf } from '../../src/shared/schema.ts';
import { parseDraft, parsePayment } from '../../src/storefront-api/ucp/v2026-04-08/parse.ts';

function reasonFor(schema: TSchema, value: unknown): string | null {
  const parsed = parserOf(Type.Object({ a: schema }))({ a: value });
  return isRefused(parsed) ? `${parsed.path}: ${parsed.message}` : null;
}

const nameOrNull = Type.Union([Type.String({ minLength: 1, maxLength: 3 }), Type.Null()]);

test.each([
  [Type.String(), 5, '$.a: This value must be text.'],
  [Type.Integer(), 'SECRET', '$.a: This value must be a whole number.'],
  [Type.Boolean(), 'SECRET', '$.a: This value must be true or false.'],
  [Type.Array(Type.String()), 'SECRET', '$.a: This value must be a list.'],
  [Type.Array(Type.String()), ['ok', 7], '$.a[1]: This value must be text.'],
  [Type.Object({}), 'SECRET', '$.a: This value must be an object.'],
  [Type.Object({ b: Type.Null() }), {}, '$.a.b: This field is missing.'],
  [Type.Object({}, { additionalProperties: false }), { c: 'SECRET' }, '$.a.c: This field is not known here.'],
  [Type.String({ minLength: 1 }), '', '$.a: This text must have at least 1 character.'],
  [Type.String({ maxLength: 5 }), 'SECRET', '$.a: This text must have at most 5 characters.'],
  [Type.String({ pattern: '^x$' }), 'SECRET', '$.a: This text does not have its form.'],
  [Type.String({ pattern: '^x$', description: 'an x' }), 'SECRET', '$.a: This text does not have its form: an x.'],
  [Type.Integer({ minimum: 1 }), -77, '$.a: This number must be 1 or more.'],
  [Type.Integer({ maximum: 9 }), 77, '$.a: This number must be 9 or less.'],
  [Type.Array(Type.String(), { minItems: 1 }), [], '$.a: This list must have at least 1 entry.'],
  [Type.Array(Type.String(), { maxItems: 2 }), ['', '', 'SECRET'], '$.a: This list must have at most 2 entries.'],
  [Type.Literal('shipping'), 'SECRET', '$.a: This value must be shipping.'],
  [Type.String({ enum: ['x', 'y'] }), 'SECRET', '$.a: This value must be one of: x, y.'],
  [nameOrNull, 77, '$.a: This value must be text or null.'],
  [nameOrNull, 'SECRET', '$.a: This text must have at most 3 characters.'],
  [Type.Union([Type.Object({ b: Type.Null() }), Type.Null()]), { b: 7 }, '$.a.b: This value must be null.'],
])('what is wrong with a value is said in plain words, without the value (case %#)', (schema, value, reason) => {
  expect(reasonFor(schema, value)).toBe(reason);
});

test('no schema of the API says anything of a wrong value but our own words', () => {
  const words = /^(This (value|text|number|list) (must (be|have) |does not have its form)|This field is )/;
  const wordsOfTheParser = /^(Send one |Payment handlers |This is (no country|not the id) )/;
  const good = {
    line_items: [{ item: { id: 'A' }, quantity: 1 }],
    buyer: { email: 'ada@example.com' },
    fulfillment: {
      methods: [
        {
          type: 'shipping',
          destinations: [{ id: 'home', address_country: 'GB' }],
          selected_destination_id: 'home',
          groups: [{ selected_option_id: 'standard' }],
        },
      ],
    },
    payment: {
      instruments: [
        { id: 'a', handler_id: 'h', type: 'card', selected: true, credential: { type: 'token', token: 't' } },
      ],
    },
  };
  const odd = fc.oneof(
    fc.constantFrom<unknown>('', null, -7.5, true, [], {}, 'SECRET'.repeat(99), Array(200).fill('SECRET'), ['SECRET']),
    fc.jsonValue({ maxDepth: 2 }),
  );
  const messages = new Set<string>();
  fc.assert(
    fc.property(fc.nat(), odd, (place, value) => {
      const spoilt = spoil(good, place, value);
      for (const result of [
        parseDraft(spoilt),
        parsePayment(spoilt, ['h']),
        parseProductsQuery({ limit: value, q: 5 }),
      ]) {
        if (!isRefused(result)) continue;
        messages.add(result.message);
        if (!wordsOfTheParser.test(result.message)) expect(result.message).toMatch(words);
        expect(result.message).not.toMatch(/SECRET|must NOT|match/);
      }
    }),
    { numRuns: 3_000 },
  );
  expect(messages.size).toBeGreaterThan(10);
});

/** The value with another one in place of one of its parts. */
function spoil(value: unknown, place: number, other: unknown): unknown {
  const copy = structuredClone(value);
  const places: [Record<string, unknown>, string][] = [];
  const collect = (node: unknown): void => {
    if (typeof node !== 'object' || node === null) return;
    for (const [key, child] of Object.entries(node)) {
      places.push([node as Record<string, unknown>, key]);
      collect(child);
    }
  };
  collect(copy);
  const [parent, key] = places[place % places.length] ?? [{}, ''];
  parent[key] = other;
  return copy;
}
