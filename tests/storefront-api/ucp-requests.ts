import { expect } from 'vitest';
import { type Answer, type TestStorefront, ucp } from './test-storefront.ts';

/** Requests that the tests of the protocol's routes vary. */

export const home = { id: 'home', street_address: '1 High Street', address_locality: 'Leeds', address_country: 'GB' };
export const draft = {
  line_items: [{ item: { id: '85123A' }, quantity: 2 }],
  buyer: { first_name: 'Ada', email: 'ada@example.com' },
  fulfillment: {
    methods: [{ type: 'shipping', destinations: [home], groups: [{ selected_option_id: 'standard' }] }],
  },
};
export const instrument = (token: string) => ({
  id: 'pi_1',
  handler_id: 'simulated',
  type: 'card',
  selected: true,
  credential: { type: 'token', token },
});
export const payment = (token: string) => ({ payment: { instruments: [instrument(token)] } });

/** What these helpers need of a storefront under test, in memory or real. */
type Calls = Pick<TestStorefront, 'call'>;

export async function openCheckout(shop: Calls, body: unknown = draft): Promise<string> {
  const created = await shop.call('POST', `${ucp}/checkout-sessions`, { body });
  expect(created.status).toBe(201);
  return created.body.id as string;
}

export async function complete(
  shop: Calls,
  id: string,
  token: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return shop.call('POST', `${ucp}/checkout-sessions/${id}/complete`, {
    body: payment(token),
    headers: { 'idempotency-key': crypto.randomUUID(), ...headers },
  });
}
