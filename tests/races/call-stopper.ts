import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What becomes of a call for which its caller is paused. */
export const fates = ['answered', 'answer lost', 'never arrived'] as const;
export type Fate = (typeof fates)[number];

export type CallStopper = {
  readonly url: string;
  /** Arms it for the next authorise call: what becomes of it, and what is done while it is under way. */
  arm(fate: Fate, meanwhile: () => Promise<void>): void;
  stop(): Promise<void>;
};

/**
 * A network between a worker and the provider that lets everything through, but for the one call for which it is armed:
 * that one is carried to the provider or not, then the meanwhile happens, and only then it is answered or cut.
 */
export async function startCallStopper(providerUrl: string): Promise<CallStopper> {
  let armed: { readonly fate: Fate; readonly meanwhile: () => Promise<void> } | null = null;
  const server = createServer((request, response) => {
    const isAuthorise = request.method === 'POST' && request.url === '/v1/authorisations';
    const now = isAuthorise ? armed : null;
    if (now !== null) armed = null;
    carry(providerUrl, request, response, now?.fate ?? 'answered', now?.meanwhile).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    arm(fate, meanwhile) {
      armed = { fate, meanwhile };
    },
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function carry(
  providerUrl: string,
  request: IncomingMessage,
  response: ServerResponse,
  fate: Fate,
  meanwhile: () => Promise<void> = async () => {},
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const names = ['authorization', 'idempotency-key', 'content-type', 'traceparent'];
  const sent = names.flatMap((name) => (request.headers[name] === undefined ? [] : [[name, request.headers[name]]]));
  const answer =
    fate === 'never arrived'
      ? null
      : await fetch(`${providerUrl}${request.url}`, {
          method: request.method ?? 'GET',
          headers: Object.fromEntries(sent) as Record<string, string>,
          ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
        });
  const body = Buffer.from((await answer?.arrayBuffer()) ?? new ArrayBuffer(0));
  await meanwhile();
  if (answer === null || fate === 'answer lost') return void response.destroy();
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/json' });
  response.end(body);
}
