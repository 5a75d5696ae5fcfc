import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import { Secret } from '../shared/secret.ts';
import { verifyWebhook } from './webhook-signature.ts';

type Vector = {
  readonly secret: string;
  readonly 'webhook-id': string;
  readonly 'webhook-timestamp': number;
  readonly body: string;
  readonly 'webhook-signature': string;
};
const vectorFile = new URL('../../tests/vectors/standard-webhooks-vectors.json', import.meta.url);
const { vectors } = JSON.parse(readFileSync(vectorFile, 'utf8')) as { vectors: Vector[] };

const oldSecret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
const newSecret = `whsec_${Buffer.alloc(32, 8).toString('base64')}`;
const nowMs = 1_700_000_000_000;
const toleranceMs = 300_000;
const refused = { refused: true, code: 'signature_invalid' };

function signed(body: string, secret = oldSecret, atMs = nowMs, id = 'evt_1'): Record<string, string> {
  return {
    'webhook-id': id,
    'webhook-timestamp': String(Math.floor(atMs / 1_000)),
    'webhook-signature': new Webhook(secret).sign(id, new Date(atMs), body),
  };
}

function verify(rawBody: string | Buffer, headers: Record<string, string | string[]>, secrets = [oldSecret]) {
  return verifyWebhook({ rawBody, headers, secrets: secrets.map((one) => new Secret(one)), nowMs, toleranceMs });
}

describe('the signature of a webhook', () => {
  test('the published vector of Standard Webhooks verifies', () => {
    expect(vectors).toHaveLength(1);
    for (const vector of vectors) {
      const headers = {
        'webhook-id': vector['webhook-id'],
        'webhook-timestamp': String(vector['webhook-timestamp']),
        'webhook-signature': vector['webhook-signature'],
      };
      const timestampMs = vector['webhook-timestamp'] * 1_000;
      const secrets = [new Secret(vector.secret)];
      const asked = { rawBody: vector.body, headers, secrets, nowMs: timestampMs, toleranceMs };
      expect(verifyWebhook(asked)).toEqual({ id: vector['webhook-id'], timestampMs });
    }
  });

  test('what the library signs verifies, as text and as bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.stringMatching(/^[\w-]{1,40}$/), (body, id) => {
        const headers = signed(body, oldSecret, nowMs, id);
        expect(verify(body, headers)).toMatchObject({ id });
        expect(verify(Buffer.from(body), headers)).toMatchObject({ id });
      }),
    );
  });

  test('the old and the new secret both verify while one is rotated, and neither does alone for the other', () => {
    const both = [oldSecret, newSecret];
    expect(verify('{}', signed('{}', oldSecret), both)).toMatchObject({ id: 'evt_1' });
    expect(verify('{}', signed('{}', newSecret), both)).toMatchObject({ id: 'evt_1' });
    expect(verify('{}', signed('{}', oldSecret), [newSecret])).toMatchObject(refused);
    const twice = signed('{}', oldSecret);
    twice['webhook-signature'] = `${signed('{}', newSecret)['webhook-signature']} ${twice['webhook-signature']}`;
    expect(verify('{}', twice, [oldSecret])).toMatchObject({ id: 'evt_1' });
  });

  test('a stale or early webhook is refused, one at the edge of the tolerance is not', () => {
    for (const [offsetMs, taken] of [
      [-toleranceMs, true],
      [toleranceMs, true],
      [-toleranceMs - 1_000, false],
      [toleranceMs + 1_000, false],
    ] as const) {
      const outcome = verify('{}', signed('{}', oldSecret, nowMs + offsetMs));
      expect('id' in outcome).toBe(taken);
    }
  });

  test('any change to the body, the id or the time is refused', () => {
    const body = '{"amount_minor":1250}';
    const headers = signed(body);
    expect(verify('{"amount_minor":9250}', headers)).toMatchObject(refused);
    expect(verify(`${body} `, headers)).toMatchObject(refused);
    expect(verify(body.slice(0, -1), headers)).toMatchObject(refused);
    expect(verify(body, { ...headers, 'webhook-id': 'evt_2' })).toMatchObject(refused);
    expect(verify(body, { ...headers, 'webhook-timestamp': String(nowMs / 1_000 - 1) })).toMatchObject(refused);
    expect(verify('x'.repeat(1024 * 1024), headers)).toMatchObject(refused);
  });

  test('a webhook without a signature of its own version and length is refused', () => {
    const headers = signed('{}');
    const signature = headers['webhook-signature'] ?? '';
    for (const wrong of [
      '',
      'v1,',
      'v1',
      signature.slice(3),
      signature.replace('v1,', 'v2,'),
      `v1,${'A'.repeat(20)}`,
    ]) {
      expect(verify('{}', { ...headers, 'webhook-signature': wrong })).toMatchObject(refused);
    }
    for (const name of Object.keys(headers)) {
      const { [name]: _, ...rest } = headers;
      expect(verify('{}', rest)).toMatchObject(refused);
      expect(verify('{}', { ...headers, [name]: [headers[name] ?? '', 'x'] })).toMatchObject(refused);
    }
    const flood = `${'v1,AAAA '.repeat(5_000)}${signature}`;
    expect(verify('{}', { ...headers, 'webhook-signature': flood })).toMatchObject(refused);
  });

  test('a timestamp or an id out of form is refused even when it is signed', () => {
    for (const [id, timestamp] of [
      ['evt.1', '1700000000'],
      ['evt_1', '1700000000.5'],
      ['evt_1', '+1700000000'],
      ['', '1700000000'],
      ['evt 1', '1e9'],
    ] as const) {
      const headers = { ...signed('{}'), 'webhook-id': id, 'webhook-timestamp': timestamp };
      expect(verify('{}', headers)).toMatchObject(refused);
    }
  });

  test('a secret too short to protect anything is a bug and not a way in', () => {
    expect(() => verify('{}', signed('{}'), ['whsec_'])).toThrow('24 bytes');
    expect(verify('{}', signed('{}'), [])).toMatchObject(refused);
  });
});
