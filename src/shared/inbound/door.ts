import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { refuse } from '../failure.ts';
import { faultOfFraming } from './framing.ts';
import { faultOfHttp } from './http.ts';
import { answerHeaders, type ErrorShape, errorReply } from './problem.ts';

export const overloaded = refuse('overloaded', 'Too many requests are being handled. Retry with the same key.');

export type Door = {
  /** Whether this request is not let in now. */
  isShutFor(path: string): boolean;
  requestIdFor(request: IncomingMessage): string;
  shapeOf(url: string): ErrorShape;
  onTurnedAway(): void;
};

/**
 * Stands before the framework and turns requests away there: no route is looked up, no body is read, no trace is begun,
 * nothing is logged, and the connection stays. A flood of three times what can be done is to take little from the rest:
 * refused as any other refusal a request took more time than a quick answer (docs/decisions/0021-overload.md).
 */
export function keepDoor(server: Server, door: Door): void {
  const handlers = server.listeners('request') as ((request: IncomingMessage, response: ServerResponse) => void)[];
  server.removeAllListeners('request');
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const url = request.url ?? '';
    const path = url.split('?', 1)[0] ?? '';
    // What is wrong with the request itself is for the rim to say, which may close the connection.
    if (door.isShutFor(path) && (faultOfHttp(request) ?? faultOfFraming(request.rawHeaders)) === null) {
      turnAway(door, request, response, url);
    } else {
      for (const handle of handlers) handle(request, response);
    }
  });
}

function turnAway(door: Door, request: IncomingMessage, response: ServerResponse, url: string): void {
  const requestId = door.requestIdFor(request);
  const { status, headers, body } = errorReply(overloaded, requestId, door.shapeOf(url));
  const text = JSON.stringify(body);
  response.writeHead(status, {
    ...answerHeaders,
    ...headers,
    'request-id': requestId,
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
  door.onTurnedAway();
}
