import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { type Books, view } from './books.ts';
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

/**
 * The books as JSON lines for judges: every authorisation with its movements and how often its keys arrived, then every
 * key that moved nothing, then totals of what was listed, per currency.
 */
export function* bookLines(books: Books): Generator<string> {
  const movingKeys = new Set<string>();
  const totals = new Map<string, Record<'authorised' | 'captured' | 'refunded' | 'voided', number>>();
  const counts = { authorisations: 0, declined: 0, keys_with_several_authorisations: 0 };
  for (const authorisation of books.authorisations.values()) {
    const keys = [authorisation.key, ...authorisation.movements.map((movement) => movement.key)];
    for (const key of keys) movingKeys.add(key);
    const arrivals = Object.fromEntries(keys.map((key) => [key, books.arrivals.get(key) ?? 0]));
    const { token, movements } = authorisation;
    yield line({ type: 'authorisation', ...view(authorisation), token, movements, arrivals });
    counts.authorisations += 1;
    if (authorisation.decline_code !== null) {
      counts.declined += 1;
      continue;
    }
    const total = totals.get(authorisation.currency) ?? { authorised: 0, captured: 0, refunded: 0, voided: 0 };
    total.authorised += authorisation.amount_minor;
    total.captured += authorisation.captured_minor;
    total.refunded += authorisation.refunded_minor;
    total.voided += authorisation.voided ? authorisation.amount_minor : 0;
    totals.set(authorisation.currency, total);
  }
  for (const [key, arrivals] of books.arrivals) {
    if (movingKeys.has(key)) continue;
    yield line({ type: 'key', key, arrivals, cancelled: books.cancelledKeys.has(key) });
  }
  for (const ids of books.byKey.values()) counts.keys_with_several_authorisations += ids.length > 1 ? 1 : 0;
  const { deliveredCount: delivered, abandonedCount: abandoned, deliveries } = books;
  const webhooks = { pending: deliveries.size, delivered, abandoned };
  yield line({ type: 'totals', ...counts, minor_by_currency: Object.fromEntries(totals), webhooks });
}

function line(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
