import { type Refused, refuse } from '../shared/failure.ts';
import type { ShopClient } from './replay.client.ts';
import { codeOf } from './replay-requests.ts';

/** Of no checkout: whoever knows the key answers that there is none. */
const noCheckout = '/checkout-sessions/chk_00000000-0000-7000-8000-000000000000';

/**
 * Whether there is a shop that takes the key; else why not. Asked before anything is bought: two hundred orders that
 * are refused one by one for the same reason say less than one sentence.
 */
export async function lookForShop(shop: ShopClient, url: string): Promise<Refused | null> {
  const reply = await shop.send({ method: 'GET', path: noCheckout });
  const elsewhere = 'Name the API with --url URL';
  if (reply.kind === 'unknown') {
    const message = `No shop answers at ${url} (${reply.reason}). Start it, or wait until it is back. ${elsewhere}.`;
    return refuse('unavailable', message);
  }
  const code = codeOf(reply.body);
  if (code === 'api_key_missing' || code === 'api_key_unknown') {
    return refuse(
      code,
      `The shop at ${url} does not know this key (${code}). Name another one with --api-key or ONETILL_API_KEY; ` +
        'onetill callers add makes one.',
    );
  }
  if ((code !== null && code !== 'route_not_found') || 'ucp' in reply.body) return null;
  return refuse('input_invalid', `What answers at ${url} is no shop (HTTP ${reply.status}). ${elsewhere}.`);
}
