import type { Static } from '@sinclair/typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { valueHoldsCardNumber } from './card-number.ts';
import type { ChangeRequest } from './decide.ts';
import { exchange, type ReplyOrCut, read, type World } from './exchange.run.ts';
import { authoriseBody, cancelBody, emptyBody, findQuery, idParams, moneyBody } from './schemas.ts';
import { bearer, sameSecret } from './secrets.ts';

/** The provider's API, as README.md lists it. The caller is known by its bearer key. */
export function paymentRoutes(app: FastifyInstance, options: { world: World; apiKey: string }): void {
  const { world } = options;
  app.addHook('onRequest', async (request, reply) => {
    if (sameSecret(bearer(request.headers.authorization), options.apiKey)) return;
    return reply.code(401).send({ error: { code: 'unauthorised', message: 'Send the API key as a bearer token.' } });
  });
  // Before validation, so that not even a message about a wrong field can repeat the number.
  app.addHook('preValidation', async (request, reply) => {
    const sent = [request.body, request.query, request.params, request.headers['idempotency-key']];
    if (!valueHoldsCardNumber(sent)) return;
    const message = 'A field looks like a card number. Send the token.';
    return reply.code(422).send({ error: { code: 'card_number_refused', message } });
  });

  app.post('/v1/authorisations', { schema: { body: authoriseBody } }, async (request, reply) => {
    const body = request.body as Static<typeof authoriseBody>;
    return change(request, reply, (key) => ({ operation: 'authorise', key, ...body }));
  });
  for (const [path, operation] of [
    ['captures', 'capture'],
    ['refunds', 'refund'],
  ] as const) {
    const schema = { body: moneyBody, params: idParams };
    app.post(`/v1/authorisations/:id/${path}`, { schema }, async (request, reply) => {
      const body = request.body as Static<typeof moneyBody>;
      return change(request, reply, (key) => ({ operation, key, authorisation: idOf(request), ...body }));
    });
  }
  app.post(
    '/v1/authorisations/:id/voids',
    { schema: { body: emptyBody, params: idParams } },
    async (request, reply) => {
      return change(request, reply, (key) => ({ operation: 'void', key, authorisation: idOf(request) }));
    },
  );
  app.post('/v1/cancellations', { schema: { body: cancelBody } }, async (request, reply) => {
    const body = request.body as Static<typeof cancelBody>;
    return change(request, reply, (key) => ({ operation: 'cancel', key, authorise_key: body.key }));
  });
  app.get('/v1/authorisations', { schema: { querystring: findQuery } }, async (request, reply) => {
    const query = request.query as Static<typeof findQuery>;
    return send(request, reply, await read(world, { operation: 'find', authorise_key: query.key }));
  });
  app.get('/v1/authorisations/:id', { schema: { params: idParams } }, async (request, reply) => {
    return send(request, reply, await read(world, { operation: 'read', authorisation: idOf(request) }));
  });

  async function change(
    request: FastifyRequest,
    reply: FastifyReply,
    requestOf: (key: string) => ChangeRequest,
  ): Promise<FastifyReply> {
    const key = keyOf(request);
    if (key === null) {
      const message = 'Send an Idempotency-Key of 1 to 255 characters.';
      return reply.code(400).send({ error: { code: 'idempotency_key_missing', message } });
    }
    return send(request, reply, await exchange(world, requestOf(key)));
  }
}

function send(request: FastifyRequest, reply: FastifyReply, answer: ReplyOrCut): FastifyReply {
  if (answer === 'cut') {
    reply.hijack();
    request.raw.socket.destroy();
    return reply;
  }
  return reply.code(answer.status).headers(answer.headers).send(answer.body);
}

function keyOf(request: FastifyRequest): string | null {
  const header = request.headers['idempotency-key'];
  return typeof header === 'string' && header.length > 0 && header.length <= 255 ? header : null;
}

function idOf(request: FastifyRequest): string {
  return (request.params as Static<typeof idParams>).id;
}
