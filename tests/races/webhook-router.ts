import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An event on its way from the provider to the shop, and which attempt to deliver it this is, from 1 on. */
export type Passing = { readonly paymentId: string; readonly attempt: number };

export type WebhookRouter = {
  readonly url: string;
  /** How often each status was answered to the provider; what was held back counts as 503. */
  readonly answers: ReadonlyMap<number, number>;
  stop(): Promise<void>;
};

/**
 * Stands between the provider and the shop, as a load balancer does: for each delivery it is told which API instance
 * gets it, with the raw body and the signature as they are, or that it is to be held back; the provider sends it again.
 */
export async function startWebhookRouter(
  instanceFor: (event: Passing) => Promise<string | null>,
): Promise<WebhookRouter> {
  const answers = new Map<number, number>();
  const attempts = new Map<string, number>();
  const server = createServer(async (request, response) => {
    const eventId = String(request.headers['webhook-id'] ?? '');
    const attempt = (attempts.get(eventId) ?? 0) + 1;
    attempts.set(eventId, attempt);
    const status = await pass(request, attempt, instanceFor).catch(() => 502);
    answers.set(status, (answers.get(status) ?? 0) + 1);
    response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks/simulated`,
    answers,
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

async function pass(
  request: IncomingMessage,
  attempt: number,
  instanceFor: (event: Passing) => Promise<string | null>,
): Promise<number> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString('utf8');
  const { data } = JSON.parse(body) as { data: { reference: string } };
  const instance = await instanceFor({ paymentId: data.reference, attempt });
  if (instance === null) return 503;
  const names = ['content-type', 'webhook-id', 'webhook-timestamp', 'webhook-signature'];
  const headers = Object.fromEntries(names.map((name) => [name, String(request.headers[name] ?? '')]));
  const response = await fetch(`${instance}/webhooks/simulated`, {
    method: 'POST',
    headers,
    body,
    signal: AbortSignal.timeout(10_000),
  });
  await response.arrayBuffer();
  return response.status;
}
