import type { FastifyRequest } from 'fastify';
import { looksLikeCardNumber } from '../card-numbers.ts';

/** Everything of a request, besides its body, that may be kept, logged or sent on; each with where it stands. */
export function textsOf(request: FastifyRequest): (readonly [string, string])[] {
  const texts: (readonly [string, string])[] = [];
  for (const name of keptHeaders) {
    const text = textOf(request.headers[name]);
    if (text !== undefined) texts.push([`header:${name}`, text]);
  }
  const query = request.query as Record<string, string | string[]>;
  for (const name in query) {
    texts.push(['query', name]);
    for (const text of [query[name] ?? ''].flat()) texts.push([`query:${name}`, text]);
  }
  const params = (request.params ?? {}) as Record<string, string>;
  for (const name in params) texts.push([`path:${name}`, params[name] ?? '']);
  texts.push(['path', decodedPath(request.url)]);
  return texts;
}

const keptHeaders = ['idempotency-key', 'request-id', 'webhook-id', 'ucp-agent', 'prefer', 'if-match'] as const;

function decodedPath(url: string): string {
  const path = url.split('?', 1)[0] ?? '';
  if (!path.includes('%')) return path;
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
