import { type Refused, refuse } from '../failure.ts';

/**
 * Headers that say one thing. Sent twice, the proxy in front takes the one and this server the other: a way to show
 * each of them another host, another key or another kind of body.
 */
const sentOnce: ReadonlySet<string> = new Set([
  'host',
  'authorization',
  'x-api-key',
  'content-type',
  'transfer-encoding',
  'idempotency-key',
  'if-match',
  'webhook-id',
  'webhook-timestamp',
  'webhook-signature',
]);

/**
 * What is wrong with the headers of a request that Node's parser lets through. It refuses two lengths, a length beside
 * a transfer coding, folded lines and bare line feeds by itself.
 */
export function faultOfFraming(rawHeaders: readonly string[]): Refused | null {
  const seen = new Set<string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = (rawHeaders[index] ?? '').toLowerCase();
    if (!sentOnce.has(name)) continue;
    const path = `header:${name}`;
    if (seen.has(name)) return refuse('header_invalid', 'This header may be sent once.', { path });
    seen.add(name);
    const isOtherCoding = name === 'transfer-encoding' && !/^\s*chunked\s*$/i.test(rawHeaders[index + 1] ?? '');
    if (isOtherCoding) return refuse('header_invalid', 'Bodies are taken plain or chunked.', { path });
  }
  return null;
}
