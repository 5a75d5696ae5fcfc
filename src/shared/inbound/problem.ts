import type { Refused } from '../failure.ts';
import { type MessageCode, refusals } from '../refusals.ts';

/** How a refusal leaves by HTTP. */
export type ErrorReply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
};

/** Gives refusals the shape that a protocol wants. One per URL prefix; problem details where none is set. */
export type ErrorShape = (refusal: Refused, requestId: string) => { contentType: string; body: unknown };

/** The shape of our own routes: problem details (RFC 9457). */
export const problemShape: ErrorShape = (refusal, requestId) => ({
  contentType: 'application/problem+json',
  body: {
    type: typeOf(refusal.code),
    title: refusals[refusal.code].title,
    status: statusOf(refusal),
    detail: refusal.message,
    code: refusal.code,
    ...(refusal.path === undefined ? {} : { path: refusal.path }),
    request_id: requestId,
  },
});

/**
 * What identifies a kind of problem: the path, on the same server, where its entry of the catalogue is served. Relative
 * and whole, as RFC 9457 has it, so that it is right behind every proxy.
 */
export function typeOf(code: MessageCode): string {
  return `/errors/${code}`;
}

/**
 * On every answer. What is served here is data for programs: a browser that shows it as a page runs nothing of it,
 * frames nothing, keeps nothing and tells nobody where it was.
 */
export const answerHeaders = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
} as const;

/** A refusal as a reply: the status of its code, the headers that go with it, and the body in the given shape. */
export function errorReply(refusal: Refused, requestId: string, shape: ErrorShape): ErrorReply {
  const { contentType, body } = shape(refusal, requestId);
  const status = statusOf(refusal);
  const headers: Record<string, string> = { 'content-type': contentType, 'cache-control': 'no-store' };
  const retryAfterMs = refusal.retryAfterMs ?? (mayComeBack(status, refusal) ? retryAfterMsDefault : undefined);
  if (retryAfterMs !== undefined) headers['retry-after'] = String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="onetill"';
  return { status, headers, body };
}

/** The shortest delay that Retry-After can say. */
const retryAfterMsDefault = 1000;

function mayComeBack(status: number, refusal: Refused): boolean {
  return status === 503 || refusal.code === 'idempotency_key_in_flight';
}

/** A business outcome (200 in the catalogue) at a rim that has no envelope for it: understood, and not done. */
function statusOf(refusal: Refused): number {
  const status = refusals[refusal.code].status;
  return status < 400 ? 422 : status;
}
