import { expect, test } from 'vitest';
import { countryOf } from '../../src/storefront-api/countries.ts';

test('a country is known by alpha-2, alpha-3 and English name, however it is written', () => {
  const cases: Record<string, string> = {
    GB: 'GB',
    gb: 'GB',
    GBR: 'GB',
    'United Kingdom': 'GB',
    UK: 'GB',
    SGP: 'SG',
    Singapore: 'SG',
    'United States of America': 'US',
    'united states': 'US',
    "Cote d'Ivoire": 'CI',
    'Côte d’Ivoire': 'CI',
    'Bosnia and Herzegovina': 'BA',
    Türkiye: 'TR',
    Turkey: 'TR',
    'Hong Kong': 'HK',
    Deutschland: '',
    Atlantis: '',
    '': '',
    XX: '',
    EU: '',
  };
  for (const [text, code] of Object.entries(cases)) expect([text, countryOf(text) ?? '']).toEqual([text, code]);
});

test('every country of the world is in the table under both of its codes and its name', () => {
  const names = new Intl.DisplayNames(['en'], { type: 'region' });
  const found = new Set<string>();
  const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
  for (const text of letters.flatMap((first) => letters.map((second) => first + second))) {
    const code = countryOf(text);
    if (code !== text) continue;
    found.add(code);
    expect(countryOf(names.of(code) ?? '')).toBe(code);
  }
  expect(found.size).toBe(249);
});
