import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Refused, refuse } from '../failure.ts';
import type { NewId } from '../ids.ts';
import type { Logger } from '../log.ts';
import { answerHeaders, errorReply, problemShape } from './problem.ts';

/**
 * The answer to what is not even HTTP, or came too slowly or with too many headers; the connection ends with it.
 * Requests that were taken from the same connection before are answered first: a refusal that overtakes the answer to
 * an order would be read as that answer.
 */
export function createUnparsed(options: {
  readonly newId: NewId;
  readonly log: Logger;
  readonly headerBytesMax: number;
}) {
  const answering = new WeakMap<Duplex, Map<IncomingMessage, ServerResponse>>();
  const refused = new WeakSet<Duplex>();
  function end(error: NodeJS.ErrnoException, socket: Duplex): void {
    // One that has not come whole is what the parser stumbled over: it gets this answer.
    const [taken] = [...(answering.get(socket) ?? [])].filter(([request]) => request.complete);
    if (taken !== undefined) return void taken[1].once('close', () => end(error, socket));
    const [refusal, requestId] = [refusalOf(error, options), options.newId()];
    // The parser's code and not its message, which may quote what was sent. A client that has gone is no news.
    const isNews = error.code !== 'ECONNRESET';
    if (isNews)
      options.log.info('refused before it was a request', { requestId, code: refusal.code, reason: error.code ?? '' });
    if (socket.writable && !socket.destroyed) socket.write(textOf(refusal, requestId));
    socket.destroy();
  }
  return {
    /** Every request, when it has come in. */
    onRequest(request: IncomingMessage, response: ServerResponse): void {
      const ofSocket = answering.get(request.socket) ?? new Map<IncomingMessage, ServerResponse>();
      answering.set(request.socket, ofSocket.set(request, response));
      response.once('close', () => ofSocket.delete(request));
    },
    onClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
      if (refused.has(socket)) return;
      refused.add(socket);
      socket.pause();
      end(error, socket);
    },
  };
}

function refusalOf(error: NodeJS.ErrnoException, { headerBytesMax }: { headerBytesMax: number }): Refused {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT')
    return refuse('request_timeout', 'The request did not arrive in time.');
  if (error.code !== 'HPE_HEADER_OVERFLOW') return refuse('header_invalid', 'This is not a well formed HTTP request.');
  return refuse('headers_too_large', `The address and the headers may have ${headerBytesMax} bytes at the most.`);
}

/** There is no URL to go by, so it has the shape of our own routes. */
function textOf(refusal: Refused, requestId: string): string {
  const { status, headers, body } = errorReply(refusal, requestId, problemShape);
  const text = JSON.stringify(body);
  const all = { ...answerHeaders, ...headers, 'content-length': Buffer.byteLength(text), connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Refused\r\n${lines.join('')}\r\n${text}`;
}
