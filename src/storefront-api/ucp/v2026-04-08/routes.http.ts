import { createHash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Caller, CheckoutDesk, CheckoutView, RequestKey } from '../../../checkout/desk.ts';
import { present } from '../../../shared/assert.ts';
import { isRefused, type Refused, RefusedError, refuse } from '../../../shared/failure.ts';
import { type IdType, parseExternalId } from '../../../shared/ids.ts';
import type { ErrorShape } from '../../../shared/inbound/problem.ts';
import type { Inbound } from '../../../shared/inbound.ts';
import { refusals } from '../../../shared/refusals.ts';
import type { Authenticate } from '../../callers.run.ts';
import type { StorefrontConfig } from '../../config.ts';
import { agentVersionOf, etagOf, idempotencyKeyOf, seenVersionOf, waitMsOf } from '../../request-headers.ts';
import { parseCancelBody, parseDraft, parsePayment } from './parse.ts';
import { projectCheckout, projectError, projectOrder } from './project.ts';
import { prefix, version } from './version.ts';

export type UcpOptions = {
  readonly desk: CheckoutDesk;
  readonly authenticate: Authenticate;
  readonly config: StorefrontConfig;
};

/** The REST binding of the protocol. It parses, calls the checkout desk and projects; it decides nothing. */
export function registerUcp(inbound: Inbound, options: UcpOptions): void {
  inbound.shapeErrors(`${prefix}/`, ucpErrorShape);
  const { desk, config } = options;
  const handlerIds = config.paymentHandlers.map((handler) => handler.id);
  const callers = new WeakMap<FastifyRequest, Caller>();
  const callerOf = (request: FastifyRequest): Caller => present(callers.get(request), 'the caller of a UCP request');

  inbound.server.register(
    async (server) => {
      guard(server, options.authenticate, callers);

      server.post('/checkout-sessions', async (request, reply) => {
        const draft = accepted(parseDraft(request.body));
        const view = await desk.create(callerOf(request), draft, requestKey(request, 'create', null));
        return answerCheckout(reply, view, config, 201);
      });

      server.get('/checkout-sessions/:id', async (request, reply) => {
        return answerCheckout(reply, await desk.read(callerOf(request), idOf(request, 'checkout')), config);
      });

      server.put('/checkout-sessions/:id', async (request, reply) => {
        const id = idOf(request, 'checkout');
        const draft = accepted(parseDraft(request.body));
        const view = await desk.update(callerOf(request), id, draft, requestKey(request, 'update', id));
        return answerCheckout(reply, view, config);
      });

      server.post('/checkout-sessions/:id/complete', async (request, reply) => {
        const id = idOf(request, 'checkout');
        const key = requestKey(request, 'complete', id);
        if (key === null) {
          return refuse('idempotency_key_missing', 'Complete needs an Idempotency-Key: it may place an order.');
        }
        const payment = accepted(parsePayment(request.body, handlerIds));
        const waitMs = waitMsOf(header(request, 'prefer'));
        const seenVersion = accepted(seenVersionOf(header(request, 'if-match')));
        const traceparent = request.traceparent;
        const aside = <T>(wait: () => Promise<T>): Promise<T> => request.aside(wait);
        const complete = { ...payment, key, waitMs, aside, seenVersion, traceparent };
        const view = await desk.complete(callerOf(request), id, complete);
        if (waitMs > 0) reply.header('preference-applied', `wait=${Math.floor(waitMs / 1000)}`);
        return answerCheckout(reply, view, config);
      });

      server.post('/checkout-sessions/:id/cancel', async (request, reply) => {
        const id = idOf(request, 'checkout');
        accepted(parseCancelBody(request.body));
        const view = await desk.cancel(callerOf(request), id, requestKey(request, 'cancel', id));
        return answerCheckout(reply, view, config);
      });

      server.get('/orders/:id', async (request) => {
        const order = await desk.readOrder(callerOf(request), idOf(request, 'order'));
        return isRefused(order) ? order : projectOrder(order, config);
      });
    },
    { prefix },
  );
}

/** The protocol's own shape of a refusal by HTTP status. */
export const ucpErrorShape: ErrorShape = (refusal, requestId) => ({
  contentType: 'application/json; charset=utf-8',
  body: {
    code: refusal.code,
    content: refusal.message,
    ...(refusal.path === undefined ? {} : { path: refusal.path }),
    request_id: requestId,
  },
});

/** The version comes before everything else, so that a caller of another version learns just that. Then the key. */
function guard(server: FastifyInstance, authenticate: Authenticate, callers: WeakMap<FastifyRequest, Caller>): void {
  server.addHook('onRequest', async (request) => {
    const asked = agentVersionOf(header(request, 'ucp-agent'));
    if (asked !== null && asked !== version) {
      throw new RefusedError(refuse('version_unsupported', `This endpoint speaks version ${version}.`));
    }
    callers.set(request, accepted(await authenticate(request.headers)));
  });
}

/** A refusal on the way to the desk ends the request; the rim answers it. */
function accepted<T>(value: Refused | T): T {
  if (isRefused(value)) throw new RefusedError(value);
  return value;
}

function header(request: FastifyRequest, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(', ') : value;
}

function idOf(request: FastifyRequest, type: IdType): string {
  const { id } = request.params as { id: string };
  return accepted(parseExternalId(type, id, 'path:id'));
}

/**
 * The caller's key with the hash of what it stands for. The body is hashed in canonical form (RFC 8785), so that a
 * retry by a client that writes its fields in another order is still the same request.
 */
function requestKey(request: FastifyRequest, operation: string, id: string | null): RequestKey | null {
  const key = accepted(idempotencyKeyOf(header(request, 'idempotency-key')));
  if (key === null) return null;
  const text = canonicalForm({ method: request.method, route: operation, id, body: request.body ?? null });
  const requestSha256 = createHash('sha256').update(present(text, 'a canonical form'), 'utf8').digest();
  return { key, requestSha256 };
}

/** The package is CommonJS and its types say ES module; what is imported is the function itself. */
const canonicalForm = canonicalize as unknown as (value: unknown) => string | undefined;

/** The two layers of errors: a business outcome is a 200 with messages, everything else is a status of its own. */
function answerCheckout(
  reply: FastifyReply,
  view: Refused | CheckoutView,
  config: StorefrontConfig,
  status = 200,
): unknown {
  if (isRefused(view)) return refusals[view.code].status === 200 ? projectError(view) : view;
  reply.code(status).header('etag', etagOf(view.quote.version));
  return projectCheckout(view, config);
}
