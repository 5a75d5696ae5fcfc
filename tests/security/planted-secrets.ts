import { randomBytes } from 'node:crypto';
import type { LooseTongue } from './planted-shop.ts';
import { anyCard, grouped, marked, newCard, type Plant, secretPlant } from './plants.ts';

export const secrets = {
  providerKey: marked('key_'),
  controlSecret: marked('ctl_'),
  webhookSecret: `whsec_${randomBytes(32).toString('base64')}`,
};
export const guessedKey = marked('otk_');
export const databasePassword = marked('pw_');
export const forgedSignature = randomBytes(32).toString('base64');

/** Each is one buyer's; the simulator waits as many milliseconds as the token says, which makes it its own. */
export const tokens = {
  paid: 'tok_ok.slow_31',
  declined: 'tok_card_declined.slow_32',
  lost: 'tok_ok.act_and_cut.slow_33',
  quoted: 'tok_ok.slow_34',
  dead: 'tok_ok.slow_35',
  accepted: 'tok_ok.slow_36',
  refused: 'tok_ok.slow_37',
  cardAsReference: 'tok_ok.slow_38',
} as const;

/** A provider that quotes what it was sent, with a card and our own key, for the buyers that are named so. */
export const talksTooMuch: LooseTongue = ({ token, key }) => {
  const quote = `No such token: ${token}, card ${grouped(newCard(), ' ')}, key ${key}, Bearer ${secrets.providerKey}`;
  const error = { error: { code: 'token_unknown', message: quote } };
  if (token === tokens.quoted) return { status: 402, body: JSON.stringify(error) };
  if (token === tokens.dead) return { status: 500, body: JSON.stringify(error) };
  if (token !== tokens.cardAsReference) return null;
  return { status: 201, body: JSON.stringify({ id: newCard(), key, status: 'authorised', token, note: quote }) };
};

/** What must be found nowhere. */
export const plants = (apiKey: string): Plant[] => [
  anyCard,
  secretPlant('the key of a caller', apiKey),
  secretPlant('a guessed key', guessedKey),
  secretPlant('our key at the provider', secrets.providerKey),
  secretPlant('the control secret', secrets.controlSecret),
  secretPlant('the secret of webhooks', secrets.webhookSecret.slice('whsec_'.length)),
  secretPlant('a forged signature', forgedSignature),
  secretPlant('the password of a database', databasePassword),
];
/** What belongs in one place. */
export const tokenPlants = (): Plant[] => Object.values(tokens).map((token) => secretPlant('a token', token));
