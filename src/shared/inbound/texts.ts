import type { FastifyRequest } from 'fastify';
import { looksLikeCardNumber } from '../card-numbers.ts';

/** Everything of a request, besides its body, that may be kept, logged or sent on. */
export function* textsOf(request: FastifyRequest): Generator<readonly [string, string]> {
  for (const name of keptHeaders) yield [`header:${name}`, textOf(request.headers[name]) ?? ''];
  for (const [name, value] of Object.entries(request.query as Record<string, string | string[]>)) {
    yield ['query', name];
    for (const text of [value].flat()) yield [`query:${name}`, text];
  }
  for (const [name, value] of Object.entries((request.params ?? {}) as Record<string, string>)) {
    yield [`path:${name}`, value];
  }
  yield ['path', decodedPath(request.url)];
}

const keptHeaders = ['idempotency-key', 'request-id', 'webhook-id', 'ucp-agent', 'prefer', 'if-match'] as const;

function decodedPath(url: string): string {
  const path = url.split('?', 1)[0] ?? '';
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** A header as one text, as HTTP reads one that comes more than once. */
export function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header;
}

/** The caller's id for this request if it can be logged as it is, so that both sides' logs meet. */
export function requestIdOf(header: string | string[] | undefined): string | null {
  const text = textOf(header) ?? '';
  return /^[A-Za-z0-9._:-]{1,128}$/.test(text) && !looksLikeCardNumber(text) ? text : null;
}
