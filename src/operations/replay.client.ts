import { Pool } from 'undici';
import { sleep, stopwatch } from '../shared/clock.ts';
import { toError } from '../shared/failure.ts';
import type { Body } from './replay-requests.ts';

/**
 * The final answer to one request, retries included. `unknown` is no failure: the request may have been carried out,
 * and only asking again under the same key would tell.
 */
export type Reply =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body: Body;
      readonly tries: number;
      readonly durationMs: number;
    }
  | { readonly kind: 'unknown'; readonly reason: string; readonly tries: number; readonly durationMs: number };

export type ShopClient = {
  send(request: ShopRequest): Promise<Reply>;
  close(): Promise<void>;
};

export type ShopRequest = {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** Below the endpoint, such as `/checkout-sessions`. */
  readonly path: string;
  readonly body?: unknown;
  /** The same for every try, so that a try after a lost answer is no second order. */
  readonly idempotencyKey?: string;
};

export type ShopClientOptions = {
  /** The endpoint of the protocol's REST binding, as the discovery profile has it. */
  readonly endpoint: string;
  readonly apiKey: string;
  readonly connectionsMax: number;
  /** 0 up to 1, for the jitter between tries. */
  readonly random: () => number;
  /** Ends the waiting between tries. A try under way is let finish. */
  readonly signal?: AbortSignal | undefined;
  readonly triesMax?: number;
  readonly retryDelayMs?: number;
};

/** A restart of the shop takes some seconds; twelve tries with these delays outlast one of twenty. */
const defaults = { triesMax: 12, retryDelayMs: 100 };
const retryDelayMsMax = 5_000;
/** Longer than the longest wait that the shop grants. */
const answerTimeoutMs = 40_000;
const answerBytesMax = 1_048_576;

/** A client of the shop as its buyers have one: it knows the public API and nothing else. */
export function shopClient(given: ShopClientOptions): ShopClient {
  const options = { ...defaults, ...given };
  const url = new URL(options.endpoint);
  const pool = new Pool(url.origin, {
    connections: options.connectionsMax,
    pipelining: 1,
    connectTimeout: 5_000,
    headersTimeout: answerTimeoutMs,
    bodyTimeout: answerTimeoutMs,
    maxResponseSize: answerBytesMax,
  });
  const base = url.pathname.replace(/\/$/, '');
  return {
    send: (request) => send(pool, base, options, request),
    close: () => pool.close(),
  };
}

type Options = ShopClientOptions & typeof defaults;

async function send(pool: Pool, base: string, options: Options, request: ShopRequest): Promise<Reply> {
  const elapsedMs = stopwatch();
  for (let tries = 1; ; tries += 1) {
    const attempt = await tryOnce(pool, base, options.apiKey, request);
    if (attempt.kind === 'answer') return { ...attempt, tries, durationMs: elapsedMs() };
    if (tries >= options.triesMax || options.signal?.aborted) {
      return { kind: 'unknown', reason: attempt.reason, tries, durationMs: elapsedMs() };
    }
    const delayMs =
      attempt.retryAfterMs ?? options.random() * Math.min(retryDelayMsMax, options.retryDelayMs * 2 ** tries);
    await sleep(delayMs, options.signal);
  }
}

type Attempt =
  | { readonly kind: 'answer'; readonly status: number; readonly body: Body }
  | { readonly kind: 'again'; readonly reason: string; readonly retryAfterMs: number | null };

async function tryOnce(pool: Pool, base: string, apiKey: string, request: ShopRequest): Promise<Attempt> {
  try {
    const response = await pool.request({
      method: request.method,
      path: base + request.path,
      headers: headersOf(request, apiKey),
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
    });
    const text = await response.body.text();
    const { statusCode: status } = response;
    const body = parseBody(text);
    if (mayTryAgain(status, body)) {
      const retryAfterMs = parseRetryAfter(response.headers['retry-after']);
      return { kind: 'again', reason: `HTTP ${status}`, retryAfterMs };
    }
    if (body === null) return { kind: 'again', reason: `HTTP ${status} without a JSON object`, retryAfterMs: null };
    return { kind: 'answer', status, body };
  } catch (error) {
    const cause = toError(error);
    return { kind: 'again', reason: (cause as { code?: string }).code ?? cause.message, retryAfterMs: null };
  }
}

function headersOf(request: ShopRequest, apiKey: string): Record<string, string> {
  return {
    accept: 'application/json',
    'x-api-key': apiKey,
    ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
    ...(request.idempotencyKey === undefined ? {} : { 'idempotency-key': request.idempotencyKey }),
  };
}

function mayTryAgain(status: number, body: Body | null): boolean {
  return status >= 500 || status === 429 || (status === 409 && body?.code === 'idempotency_key_in_flight');
}

function parseBody(text: string): Body | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Body) : null;
  } catch {
    return null;
  }
}

/** In seconds; the other form, a date, is not taken at its word by a client whose clock may be wrong. */
function parseRetryAfter(header: string | string[] | undefined): number | null {
  const text = Array.isArray(header) ? header[0] : header;
  if (text === undefined || !/^\d{1,6}$/.test(text.trim())) return null;
  return Math.min(Number(text) * 1_000, 30_000);
}
