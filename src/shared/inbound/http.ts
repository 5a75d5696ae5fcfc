import type { IncomingMessage } from 'node:http';
import { type Refused, refuse } from '../failure.ts';
import { errorReply, problemShape } from './problem.ts';

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

/**
 * The whole answer to what is not even HTTP, or came too slowly or with too many headers. There is no URL to go by, so
 * it has our own shape.
 */
export function clientErrorReply(
  error: NodeJS.ErrnoException,
  options: { readonly requestId: string; readonly headerBytesMax: number },
): string {
  const refusal =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? refuse('request_timeout', 'The request did not arrive in time.')
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? refuse(
            'headers_too_large',
            `The address and the headers may have ${options.headerBytesMax} bytes at the most.`,
          )
        : refuse('header_invalid', 'This is not a well formed HTTP request.');
  const { status, headers, body } = errorReply(refusal, options.requestId, problemShape);
  const text = JSON.stringify(body);
  const lines = Object.entries({ ...headers, 'content-length': Buffer.byteLength(text), connection: 'close' });
  return `HTTP/1.1 ${status} Refused\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${text}`;
}
