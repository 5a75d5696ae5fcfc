import { type FastifyError, type FastifyInstance, fastify } from 'fastify';
import { Webhook } from 'standardwebhooks';
import { Agent, request as send } from 'undici';
import { machineClock, sleep } from '../../src/shared/clock.ts';
import { toError } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import type { Logger } from '../../src/shared/log.ts';
import { type Delivery, newBooks } from './books.ts';
import { controlRoutes } from './control.http.ts';
import { startDeliveries } from './deliveries.run.ts';
import { evolve } from './evolve.ts';
import type { World } from './exchange.run.ts';
import { newFaultBoard } from './faults.ts';
import { openJournal } from './journal.run.ts';
import { paymentRoutes } from './payments.http.ts';

export type PaymentProviderOptions = {
  /** 0 for any free port. */
  readonly port: number;
  readonly host?: string;
  /** The folder of the provider's books. Only one simulator may use it at a time. */
  readonly dataDir: string;
  readonly apiKey: string;
  readonly controlSecret: string;
  /** Where events are sent; without it none are made. */
  readonly webhookUrl?: string;
  /** `whsec_` and base64, as Standard Webhooks writes it. */
  readonly webhookSecret: string;
  /** The wait after the first failed delivery of a webhook; it doubles up to a minute. */
  readonly webhookRetryMs?: number;
  readonly log: Logger;
  /** Told that the books cannot be written any more: every request fails until it is started again. */
  readonly onLost?: (error: Error) => void;
};

const bodyBytesMax = 64 * 1024;
const webhookTimeoutMs = 10_000;

/** Starts a payment provider with its own books on disk. `stop` ends it in good order; kill -9 loses nothing. */
export async function startPaymentProvider(
  options: PaymentProviderOptions,
): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  const { log } = options;
  const books = newBooks();
  const journal = await openJournal(options.dataDir, (entry) => evolve(books, entry));
  const append: World['append'] = (entries) => {
    const written = journal.append(entries);
    written.catch((error: Error) => options.onLost?.(error));
    return written;
  };
  const onError = (error: Error): void => log.error('the payment provider simulator failed', { error });
  const poster = options.webhookUrl === undefined ? null : webhookPoster(options.webhookUrl, options.webhookSecret);
  const retry = options.webhookRetryMs === undefined ? {} : { retryMs: options.webhookRetryMs };
  const deliveries = poster === null ? null : startDeliveries({ books, append, post: poster.post, onError, ...retry });
  const stopping = new AbortController();
  const world: World = {
    books,
    faults: newFaultBoard(),
    append,
    settled: journal.settled,
    nowMs: machineClock.nowMs,
    newId: newUuid,
    sleep: (durationMs) => sleep(durationMs, stopping.signal),
    webhooks: deliveries,
    onLateError: onError,
  };
  const app = createApp(world, options);
  async function stop(): Promise<void> {
    stopping.abort();
    deliveries?.stop();
    await app.close();
    await poster?.close();
    await journal.close();
  }
  try {
    const url = await app.listen({ port: options.port, host: options.host ?? '127.0.0.1' });
    const port = Number(new URL(url).port);
    log.info('the payment provider simulator is ready', { port, count: books.authorisations.size });
    return { url, stop };
  } catch (error) {
    // A busy port, for one: nothing of us may stay open behind the error.
    await stop();
    throw error;
  }
}

function createApp(world: World, options: PaymentProviderOptions): FastifyInstance {
  const app = fastify({
    bodyLimit: bodyBytesMax,
    forceCloseConnections: true,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false } },
  });
  app.setErrorHandler((error: FastifyError, _, reply) => {
    const status = error.validation === undefined ? (error.statusCode ?? 500) : 422;
    if (status >= 500) options.log.error('the payment provider simulator failed', { error: toError(error) });
    const message = status >= 500 ? 'Something went wrong.' : error.message;
    return reply.code(status).send({ error: { code: status >= 500 ? 'internal' : 'invalid_request', message } });
  });
  app.setNotFoundHandler((_, reply) =>
    reply.code(404).send({ error: { code: 'route_not_found', message: 'There is no such route.' } }),
  );
  app.get('/healthz', async () => ({ ok: true }));
  app.register(async (scope) => paymentRoutes(scope, { world, apiKey: options.apiKey }));
  app.register(async (scope) => controlRoutes(scope, { world, controlSecret: options.controlSecret }));
  return app;
}

/** Signs as Standard Webhooks 1.0 says and posts once. The time of signing is that of the attempt. */
function webhookPoster(url: string, secret: string) {
  const signer = new Webhook(secret);
  const agent = new Agent({ connections: 32, headersTimeout: webhookTimeoutMs, bodyTimeout: webhookTimeoutMs });
  return {
    async post(delivery: Delivery): Promise<boolean> {
      const signedAt = new Date(machineClock.nowMs());
      const headers = {
        'content-type': 'application/json',
        'webhook-id': delivery.plan.id,
        'webhook-timestamp': String(Math.floor(signedAt.getTime() / 1000)),
        'webhook-signature': signer.sign(delivery.plan.id, signedAt, delivery.body),
      };
      try {
        const response = await send(url, { method: 'POST', headers, body: delivery.body, dispatcher: agent });
        await response.body.dump();
        return response.statusCode >= 200 && response.statusCode < 300;
      } catch {
        // Nobody listens, or the answer was lost: either way it is sent again.
        return false;
      }
    },
    close: () => agent.destroy(),
  };
}
