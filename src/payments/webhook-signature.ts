import { createHmac, timingSafeEqual } from 'node:crypto';
import { assert } from '../shared/assert.ts';
import { type Refused, refuse } from '../shared/failure.ts';
import type { Secret } from '../shared/secret.ts';

/**
 * Verifies a webhook that was signed as Standard Webhooks 1.0 says: HMAC-SHA256 over `id.timestamp.body`, the raw body,
 * not the parsed one. While a secret is rotated both the old and the new one verify. Every secret is tried against
 * every signature in a time that does not depend on which of them fits.
 */
export function verifyWebhook(webhook: {
  readonly rawBody: string | Uint8Array;
  /** Lower case names, as Node gives them. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Each `whsec_` and base64. */
  readonly secrets: readonly Secret[];
  readonly nowMs: number;
  /** How far the sender's clock may be from ours, either way. Standard Webhooks and Stripe take five minutes. */
  readonly toleranceMs: number;
}): { readonly id: string; readonly timestampMs: number } | Refused {
  const { rawBody, headers, secrets, nowMs, toleranceMs } = webhook;
  const [id, timestamp, signatures] = [
    headers['webhook-id'],
    headers['webhook-timestamp'],
    headers['webhook-signature'],
  ];
  if (typeof id !== 'string' || typeof timestamp !== 'string' || typeof signatures !== 'string') {
    return refuse(
      'signature_invalid',
      'The webhook-id, webhook-timestamp and webhook-signature headers are needed, once each.',
    );
  }
  // An id with a dot could be read as a shorter id and the beginning of a timestamp.
  if (!/^[\w-]{1,255}$/.test(id) || !/^\d{1,12}$/.test(timestamp)) {
    return refuse('signature_invalid', 'The webhook-id or the webhook-timestamp does not have its form.');
  }
  const timestampMs = Number(timestamp) * 1_000;
  if (Math.abs(nowMs - timestampMs) > toleranceMs) {
    return refuse('signature_invalid', 'The webhook-timestamp is too far from the present.');
  }
  const sent = signaturesOf(signatures);
  let fits = false;
  for (const secret of secrets) {
    const expected = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.`).update(rawBody).digest();
    for (const signature of sent) fits = timingSafeEqual(signature, expected) || fits;
  }
  if (fits) return { id, timestampMs };
  return refuse('signature_invalid', 'No signature fits the body under a secret that is known here.');
}

const signatureBytes = 32;
/** Each secret in use signs once, and two are in use while one is rotated; more is an attempt to make us compute. */
const signaturesMax = 8;

/** The v1 signatures of the header, `v1,<base64> v1,<base64>`; those of other versions are for others. */
function signaturesOf(header: string): Buffer[] {
  return header
    .split(' ', signaturesMax)
    .filter((signature) => signature.startsWith('v1,'))
    .map((signature) => Buffer.from(signature.slice('v1,'.length), 'base64'))
    .filter((signature) => signature.length === signatureBytes);
}

const keyBytesMin = 24;

function keyOf(secret: Secret): Buffer {
  const key = Buffer.from(secret.reveal().replace(/^whsec_/, ''), 'base64');
  // An empty or short secret would let anybody sign.
  assert(key.length >= keyBytesMin, 'a webhook secret of at least 24 bytes in base64');
  return key;
}
