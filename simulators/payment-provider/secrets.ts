import { createHash, timingSafeEqual } from 'node:crypto';

/** Whether a secret that was sent is the one expected, in a time that tells nothing about either. */
export function sameSecret(sent: string | undefined, expected: string): boolean {
  return timingSafeEqual(digest(sent ?? ''), digest(expected)) && sent !== undefined;
}

/** The token of an `Authorization: Bearer …` header. */
export function bearer(header: string | undefined): string | undefined {
  return header?.startsWith('Bearer ') ? header.slice('Bearer '.length) : undefined;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
