import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newUuid } from '../../src/shared/ids.ts';
import type { Answer } from '../storefront-api/test-storefront.ts';
import { startTwoMerchants, type TwoMerchants, webhookSecret } from './two-merchants.ts';

/** What is kept of a webhook that is signed as it should be: a provider too can send what must not be kept. */

let shop: TwoMerchants;
beforeAll(async () => {
  shop = await startTwoMerchants();
});
afterAll(() => shop?.stop());

async function deliver(eventId: string, body: unknown): Promise<Answer> {
  const [now, raw] = [new Date(), JSON.stringify(body)];
  const headers = {
    'webhook-id': eventId,
    'webhook-timestamp': String(Math.floor(now.getTime() / 1_000)),
    'webhook-signature': new Webhook(webhookSecret).sign(eventId, now, raw),
  };
  return await shop.call('nobody', 'POST', '/webhooks/simulated', { raw, headers });
}

const received = async (): Promise<unknown[]> =>
  shop.scratch.database.query({ text: 'select event_id, body from webhooks_received order by received_at limit 10' });

test('of a webhook only the fields that are read are kept', async () => {
  const known = { id: 'evt_1', type: 'authorisation.voided', data: { id: 'auth_1', reference: newUuid() } };
  const more = {
    ...known,
    livemode: true,
    data: {
      ...known.data,
      token: 'tok_of_a_buyer',
      billing_details: { name: 'Ada Byron', email: 'ada@example.com', address: { line1: '1 High Street' } },
      card: { brand: 'visa', last4: '5556', exp_year: 2030, fingerprint: 'f00ba4' },
    },
  };
  const eventId = `evt_${newUuid()}`;
  expect((await deliver(eventId, more)).status).toBe(202);
  expect(await received()).toEqual([{ event_id: eventId, body: known }]);
  const sent = await shop.scratch.database.query({ text: 'select payload from messages limit 10' });
  expect(sent).toEqual([{ payload: { provider: 'simulated', eventId } }]);
});

test('a card number for an id of an event is refused in spite of its signature, and not kept', async () => {
  const before = await received();
  const body = { id: 'evt_2', type: 'authorisation.voided', data: { id: 'auth_1', reference: newUuid() } };
  for (const eventId of ['4000056655665556', '4000-0566-5566-5556']) {
    const refused = await deliver(eventId, body);
    expect(refused).toMatchObject({ status: 422, body: { code: 'card_number_refused', path: 'header:webhook-id' } });
    expect(refused.text).not.toContain('5566');
  }
  expect((await deliver(`evt_${newUuid()}`, { ...body, data: { ...body.data, id: '4000056655665556' } })).status).toBe(
    422,
  );
  expect(await received()).toEqual(before);
});
