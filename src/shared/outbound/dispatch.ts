import { lookup as systemLookup } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { type Dispatcher, Pool } from 'undici';
import { toError } from '../failure.ts';
import type { Party } from '../parties.ts';
import { mayReach, type Reach } from './address.ts';

/** How one attempt ended. `sent` is whether bytes may have left us: from then on the outcome is unknown at best. */
export type Attempt =
  | {
      readonly ended: 'reply';
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
    }
  | { readonly ended: 'not-sent'; readonly reason: 'no_connection' | 'address_refused' }
  | { readonly ended: 'sent'; readonly reason: 'timeout' | 'connection_lost' | 'response_too_large' };

export type Lookup = typeof systemLookup;
const addressRefused = 'ADDRESS_REFUSED';

/**
 * Connections to one origin. A name is resolved and judged in one step with connecting, and the connection goes to the
 * very addresses that were judged: a name that answers differently the next time (DNS rebinding) gains nothing.
 */
export function openPool(origin: string, reach: Reach, party: Party, lookup: Lookup = systemLookup): Pool {
  const judged: LookupFunction = (host, options, callback) => {
    lookup(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return callback(error, []);
      const [first] = addresses;
      if (first === undefined || !addresses.every(({ address }) => mayReach(address, reach))) {
        const refusal = toError(`an address of ${host} may not be called`);
        return callback(Object.assign(refusal, { code: addressRefused }), []);
      }
      if (options.all === true) return callback(null, addresses);
      return callback(null, first.address, first.family);
    });
  };
  return new Pool(origin, {
    connections: party.concurrencyMax.value,
    pipelining: 1,
    // Said here, so that no variable of the environment can have certificates taken unseen.
    connect: { timeout: party.connectTimeoutMs.value, lookup: judged, rejectUnauthorized: true },
    headersTimeout: party.headersTimeoutMs.value,
    bodyTimeout: party.totalTimeoutMs.value,
    maxResponseSize: party.responseBytesMax.value,
  });
}

export type Call = {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** Sends once, follows no redirect, and gives up when the deadline aborts. Never rejects. */
export function dispatchOnce(pool: Pool, call: Call, deadline: AbortSignal): Promise<Attempt> {
  return new Promise((resolve) => {
    let controller: Dispatcher.DispatchController | null = null;
    let settled = false;
    let status = 0;
    let headers: Record<string, string> = {};
    const chunks: Buffer[] = [];

    function settle(attempt: Attempt): void {
      settled = true;
      deadline.removeEventListener('abort', onDeadline);
      resolve(attempt);
    }
    function onDeadline(): void {
      if (controller === null) return settle({ ended: 'not-sent', reason: 'no_connection' });
      settle({ ended: 'sent', reason: 'timeout' });
      controller.abort(toError(deadline.reason));
    }

    deadline.addEventListener('abort', onDeadline);
    const { method, url, body } = call;
    const request = { path: `${url.pathname}${url.search}`, method, headers: { ...call.headers }, body: body ?? null };
    pool.dispatch(request, {
      onRequestStart(started) {
        // Called before the first byte is written: a call that was given up while it waited is stopped here.
        if (settled) started.abort(toError(deadline.reason));
        else controller = started;
      },
      onResponseStart(_, code, received) {
        status = code;
        headers = flat(received);
      },
      onResponseData(_, chunk) {
        chunks.push(chunk);
      },
      onResponseEnd() {
        if (!settled) settle({ ended: 'reply', status, headers, body: Buffer.concat(chunks).toString('utf8') });
      },
      onResponseError(_, error) {
        if (!settled) settle(controller === null ? notSent(error) : { ended: 'sent', reason: lostBy(error) });
      },
    });
  });
}

function notSent(error: Error): Attempt {
  const refused = codeOf(error) === addressRefused;
  return { ended: 'not-sent', reason: refused ? 'address_refused' : 'no_connection' };
}

function lostBy(error: Error): 'timeout' | 'connection_lost' | 'response_too_large' {
  const code = codeOf(error);
  if (code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT') return 'timeout';
  return code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' ? 'response_too_large' : 'connection_lost';
}

function codeOf(error: Error): string {
  return String((error as { code?: unknown }).code ?? '');
}

function flat(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  );
}
