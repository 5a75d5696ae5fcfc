import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { bookLines } from './book-lines.ts';
import type { World } from './exchange.run.ts';
import { addFault, clearFaults, type FaultOrder } from './faults.ts';
import { faultBody } from './schemas.ts';
import { sameSecret } from './secrets.ts';

/** What tests and judges use, and no caller of the provider: faults, and the whole books. */
export function controlRoutes(app: FastifyInstance, options: { world: World; controlSecret: string }): void {
  const { world } = options;
  app.addHook('onRequest', async (request, reply) => {
    const sent = request.headers['x-control-secret'];
    if (typeof sent === 'string' && sameSecret(sent, options.controlSecret)) return;
    return reply.code(401).send({ error: { code: 'unauthorised', message: 'Send the control secret.' } });
  });

  app.post('/control/faults', { schema: { body: faultBody } }, async (request, reply) => {
    const rule = addFault(world.faults, `flt_${world.newId()}`, request.body as FaultOrder);
    if (typeof rule !== 'string') return reply.code(201).send(rule);
    return reply.code(422).send({ error: { code: 'invalid_fault', message: rule } });
  });
  app.get('/control/faults', async () => ({
    faults: world.faults.rules,
    token_hits: Object.fromEntries(world.faults.tokenHits),
  }));
  app.delete('/control/faults', async (_, reply) => {
    clearFaults(world.faults);
    return reply.code(204).send();
  });
  app.get('/control/books', async (_, reply) => {
    await world.settled();
    return reply.type('application/x-ndjson').send(Readable.from(bookLines(world.books)));
  });
}
