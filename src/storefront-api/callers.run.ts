import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Caller } from '../checkout/desk.ts';
import type { Clock } from '../shared/clock.ts';
import { type Refused, refuse } from '../shared/failure.ts';

/** Tells who calls, from the headers of a request. */
export type Authenticate = (headers: IncomingHttpHeaders) => Promise<Refused | Caller>;

/** A revoked key works for this long at the most. */
const cacheAgeMaxMs = 5_000;
const cacheEntriesMax = 10_000;
const apiKeyTextMax = 255;

/**
 * Authentication by API key, in `X-API-Key` or as a bearer token. Keys are looked up by their hash, so that neither the
 * database nor this cache holds one; unknown keys are not cached, so that they cannot push known ones out.
 */
export function authenticateByKey(options: {
  readonly findCaller: (apiKeySha256: Uint8Array) => Promise<Caller | null>;
  readonly clock: Clock;
}): Authenticate {
  const cache = new Map<string, { caller: Caller; untilMs: number }>();
  return async (headers) => {
    const apiKey = apiKeyOf(headers);
    if (apiKey === null) return refuse('api_key_missing', 'Send your key in the X-API-Key header.');
    const unknown = refuse('api_key_unknown', 'This API key is not known, or was revoked.');
    if (apiKey.length > apiKeyTextMax) return unknown;
    const hash = createHash('sha256').update(apiKey, 'utf8').digest();
    const name = hash.toString('base64');
    const nowMs = options.clock.nowMs();
    const cached = cache.get(name);
    if (cached !== undefined && cached.untilMs > nowMs) return cached.caller;
    const caller = await options.findCaller(hash);
    cache.delete(name);
    if (caller === null) return unknown;
    if (cache.size >= cacheEntriesMax) cache.clear();
    cache.set(name, { caller, untilMs: nowMs + cacheAgeMaxMs });
    return caller;
  };
}

function apiKeyOf(headers: IncomingHttpHeaders): string | null {
  const direct = headers['x-api-key'];
  if (typeof direct === 'string' && direct !== '') return direct;
  const bearer = /^Bearer +([^\s]+) *$/i.exec(headers.authorization ?? '');
  return bearer?.[1] ?? null;
}
