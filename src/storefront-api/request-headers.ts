import { type Refused, refuse } from '../shared/failure.ts';
import { limits } from '../shared/limits.ts';

/** Headers of requests that mean something to a checkout, read strictly where a mistake would cost money. */

/**
 * The value of Idempotency-Key: bare, or as a quoted structured-field string (RFC 8941); both name the same key. One to
 * 255 visible ASCII characters. Null if the header is missing.
 */
export function idempotencyKeyOf(header: string | undefined): string | null | Refused {
  if (header === undefined) return null;
  const text = header.trim();
  const key = text.startsWith('"') ? unquoted(text) : text;
  if (key !== null && key.length <= limits.keyTextMax && /^[\x21-\x7e]+$/.test(key)) return key;
  return refuse('header_invalid', 'Idempotency-Key takes 1 to 255 visible ASCII characters, bare or in quotes.', {
    path: 'header:idempotency-key',
  });
}

function unquoted(text: string): string | null {
  const match = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/.exec(text);
  return match?.[1]?.replace(/\\(["\\])/g, '$1') ?? null;
}

/** The quote version of `If-Match: "v3"`, which is the ETag of a checkout; null if missing or `*`. */
export function seenVersionOf(header: string | undefined): number | null | Refused {
  if (header === undefined || header.trim() === '*') return null;
  const match = /^"v([1-9]\d{0,8})"$/.exec(header.trim());
  if (match !== null) return Number(match[1]);
  return refuse('header_invalid', 'If-Match takes one ETag of this checkout, such as "v3".', {
    path: 'header:if-match',
  });
}

/** The ETag of a quote version. */
export function etagOf(version: number): string {
  return `"v${version}"`;
}

/**
 * The seconds of `Prefer: wait=N` (RFC 7240) in milliseconds, at most limits.waitMsMax; 0 if there is no such
 * preference. A preference that cannot be read is ignored, as the standard asks.
 */
export function waitMsOf(header: string | undefined): number {
  const match = /(?:^|[,;])\s*wait\s*=\s*"?(\d{1,6})"?\s*(?:$|[,;])/i.exec(header ?? '');
  return match === null ? 0 : Math.min(Number(match[1]) * 1000, limits.waitMsMax);
}

/** The version that `UCP-Agent` asks for, if it says one: `profile="https://…"; version="2026-04-08"`. */
export function agentVersionOf(header: string | undefined): string | null {
  return /(?:^|[,;])\s*version\s*=\s*"([^"]*)"/i.exec(header ?? '')?.[1] ?? null;
}
