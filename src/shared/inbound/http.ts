import type { IncomingMessage } from 'node:http';
import { type Refused, refuse } from '../failure.ts';

/**
 * What of HTTP itself a request gets wrong: Node would answer these in its own form, so it is told to leave them to us.
 * Left to Node is what never becomes a request: CONNECT ends the connection, and above the limits of connections, and
 * of requests on one of them, there is no answer or a bare 503.
 */
export function faultOfHttp(request: IncomingMessage): Refused | null {
  const { expect } = request.headers;
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
    return refuse('header_invalid', 'Of Expect only 100-continue is understood.', { path: 'header:expect' });
  }
  const hosts = request.rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === 'host').length;
  // RFC 9112, 3.2: one Host and no other number of them. HTTP/1.0 knows none.
  const isCounted = hosts === 1 || (hosts === 0 && request.httpVersion === '1.0');
  if (isCounted && hostForm.test(request.headers.host ?? '')) return null;
  return refuse('header_invalid', 'Send one Host header: a name or an address, and a port.', { path: 'header:host' });
}

/** The characters of a host and a port in a URL (RFC 3986). */
const hostForm = /^[\w.~!$&'()*+,;=%:[\]-]*$/;
