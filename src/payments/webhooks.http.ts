import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import type { Clock } from '../shared/clock.ts';
import { isRefused, refuse } from '../shared/failure.ts';
import type { DescribedRoute } from '../shared/inbound/description.ts';
import type { Secret } from '../shared/secret.ts';
import { verifyWebhook } from './webhook-signature.ts';
import { receiveWebhook, type WebhookOptions } from './webhooks.run.ts';

/** Standard Webhooks advises five minutes; a retry is signed anew. */
const toleranceMs = 5 * 60_000;

/** A provider's way in, and the secrets that it signs with: two while a secret is rotated. */
export type WebhookSource = { readonly provider: string; readonly secrets: readonly Secret[] };

/** Webhooks in: the signature is verified on the raw body, the event is stored, and only then is it acknowledged. */
export function registerWebhooks(
  server: FastifyInstance,
  options: WebhookOptions & { readonly sources: readonly WebhookSource[]; readonly clock: Clock },
): void {
  server.post('/webhooks/:provider', async (request, reply) => {
    const { provider } = request.params as { provider: string };
    const source = options.sources.find((each) => each.provider === provider);
    if (source === undefined) return refuse('not_found', 'No webhooks are taken from a provider of this name.');
    const verified = verifyWebhook({
      rawBody: request.rawBody ?? '',
      headers: request.headers,
      secrets: source.secrets,
      nowMs: options.clock.nowMs(),
      toleranceMs,
    });
    if (isRefused(verified)) return verified;
    const refusal = await receiveWebhook(options, {
      provider,
      eventId: verified.id,
      body: request.body,
      traceparent: request.traceparent,
    });
    if (refusal !== null) return refusal;
    return reply.code(202).send({ received: true });
  });
}

export const describedWebhooks: readonly DescribedRoute[] = [
  {
    method: 'post',
    path: '/webhooks/{provider}',
    operationId: 'receiveWebhook',
    summary: 'Takes an event of a payment provider, signed as Standard Webhooks 1.0 says',
    key: 'none',
    answer: { status: 202, describes: 'The event is stored', schema: Type.Object({ received: Type.Literal(true) }) },
    refusals: ['signature_invalid', 'input_invalid', 'not_found'],
  },
];
