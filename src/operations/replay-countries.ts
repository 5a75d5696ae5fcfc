/**
 * The country names of the Online Retail data set as ISO 3166-1 alpha-2. Four of them are no countries:
 * the Channel Islands are two (Jersey, the larger, stands for both), EIRE and RSA are old names, the European
 * Community buys from Brussels, and Unspecified is taken for the retailer's home, where nine of ten orders go.
 */
const countries: Readonly<Record<string, string>> = {
  Australia: 'AU',
  Austria: 'AT',
  Bahrain: 'BH',
  Belgium: 'BE',
  Brazil: 'BR',
  Canada: 'CA',
  'Channel Islands': 'JE',
  Cyprus: 'CY',
  'Czech Republic': 'CZ',
  Denmark: 'DK',
  EIRE: 'IE',
  'European Community': 'BE',
  Finland: 'FI',
  France: 'FR',
  Germany: 'DE',
  Greece: 'GR',
  'Hong Kong': 'HK',
  Iceland: 'IS',
  Israel: 'IL',
  Italy: 'IT',
  Japan: 'JP',
  Lebanon: 'LB',
  Lithuania: 'LT',
  Malta: 'MT',
  Netherlands: 'NL',
  Norway: 'NO',
  Poland: 'PL',
  Portugal: 'PT',
  RSA: 'ZA',
  'Saudi Arabia': 'SA',
  Singapore: 'SG',
  Spain: 'ES',
  Sweden: 'SE',
  Switzerland: 'CH',
  USA: 'US',
  'United Arab Emirates': 'AE',
  'United Kingdom': 'GB',
  Unspecified: 'GB',
};

/** ISO 3166-1 alpha-2 of a country of the data set, or null for a name that is not in it. */
export function replayCountryOf(name: string): string | null {
  return Object.hasOwn(countries, name) ? (countries[name] ?? null) : null;
}
