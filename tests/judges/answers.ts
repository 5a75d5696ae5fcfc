import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { ClientCall } from './evidence.ts';

/** A checkout as this client was last shown it. Ids are those of the tables, without a prefix. */
export type SeenCheckout = {
  readonly checkoutId: string;
  readonly version: number | null;
  readonly totalMinor: bigint | null;
  readonly status: string;
};

export type Told = {
  readonly outcome: ClientCall['outcome'];
  /** What was shown with the answer, also with a refusal; null if nothing was. */
  readonly checkout: SeenCheckout | null;
  readonly httpStatus: number | null;
};

/** What an answer says. Whatever may have been carried out or not is unknown: a fault, an overload, nonsense. */
export function toldBy(
  operation: ClientCall['operation'],
  httpStatus: number,
  etag: string | null,
  body: Readonly<Record<string, unknown>> | null,
): Told {
  const code = codeOf(body);
  if (httpStatus >= 500 || httpStatus === 429 || httpStatus === 408 || code === 'idempotency_key_in_flight') {
    return unknown(`HTTP ${httpStatus}${code === null ? '' : ` ${code}`}`, httpStatus);
  }
  if (body === null) return unknown(`HTTP ${httpStatus} without a JSON object`, httpStatus);
  const answerSha256 = answerHash(httpStatus, body);
  const checkout = seenCheckout(body, etag);
  if (httpStatus >= 300 || checkout === null) {
    if (code === null) return unknown(`HTTP ${httpStatus} that says nothing`, httpStatus);
    return { outcome: { kind: 'refused', code, answerSha256 }, checkout: null, httpStatus };
  }
  const { status, totalMinor } = checkout;
  const isCommitted = status === 'complete_in_progress' || status === 'completed';
  if (operation === 'complete' && !isCommitted) {
    return { outcome: { kind: 'refused', code: code ?? 'unnamed', answerSha256 }, checkout, httpStatus };
  }
  const orderId = withoutPrefix('ord_', record(body.order).id);
  return {
    outcome: {
      kind: 'ok',
      checkoutStatus: status,
      orderId,
      shownCheckoutId: checkout.checkoutId,
      totalMinor,
      answerSha256,
    },
    checkout,
    httpStatus,
  };
}

export function unknown(reason: string, httpStatus: number | null): Told {
  return { outcome: { kind: 'unknown', reason }, checkout: null, httpStatus };
}

/** As the shop hashes a request (RFC 8785), so that it can be held against what stands under the key. */
export function requestHash(request: {
  readonly method: string;
  readonly operation: string;
  readonly checkoutId: string | null;
  readonly body?: unknown;
}): string {
  const { method, operation, checkoutId, body = null } = request;
  return sha256(canonicalForm({ method, route: operation, id: checkoutId, body }));
}

export function parseObject(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? record(value) : null;
  } catch {
    return null;
  }
}

function seenCheckout(body: Readonly<Record<string, unknown>>, etag: string | null): SeenCheckout | null {
  const checkoutId = withoutPrefix('chk_', body.id);
  if (checkoutId === null || typeof body.status !== 'string') return null;
  const total = list(body.totals)
    .map(record)
    .find(({ type }) => type === 'total')?.amount;
  const version = /^"v(\d+)"$/.exec(etag ?? '')?.[1];
  return {
    checkoutId,
    status: body.status,
    version: version === undefined ? null : Number(version),
    totalMinor: typeof total === 'number' && Number.isSafeInteger(total) ? BigInt(total) : null,
  };
}

/** Why: the code of a protocol error, or of the first error among the messages, or else of the first warning. */
function codeOf(body: Readonly<Record<string, unknown>> | null): string | null {
  if (body === null) return null;
  if (typeof body.code === 'string') return body.code;
  const messages = list(body.messages).map(record);
  const errors = messages.filter(({ type }) => type === 'error');
  // A quote of which nothing can be bought any more also lacks lines; why that is so is what was decided.
  const said =
    errors.find(({ code }) => code !== 'missing') ?? errors[0] ?? messages.find(({ type }) => type === 'warning');
  return typeof said?.code === 'string' ? said.code : null;
}

function answerHash(httpStatus: number, { request_id: _, ...rest }: Readonly<Record<string, unknown>>): string {
  return sha256(`${httpStatus} ${canonicalForm(rest)}`);
}

/** The package is CommonJS and its types say ES module; what is imported is the function itself. */
const canonicalForm = canonicalize as unknown as (value: unknown) => string;

function sha256(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

function withoutPrefix(prefixOfId: string, value: unknown): string | null {
  return typeof value === 'string' && value.startsWith(prefixOfId) ? value.slice(prefixOfId.length) : null;
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
