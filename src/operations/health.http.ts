import { Type } from '@sinclair/typebox';
import type { NewId } from '../shared/ids.ts';
import type { DescribedRoute } from '../shared/inbound/description.ts';
import { createInbound, type Inbound } from '../shared/inbound.ts';
import type { Logger } from '../shared/log.ts';
import type { Metrics } from './metrics.run.ts';
import type { Readiness } from './readiness.run.ts';

export type Health = {
  readonly readiness: () => Promise<Readiness>;
  readonly metrics: Pick<Metrics, 'text' | 'contentType'>;
  /** Whether the process is being stopped: then no more work should be sent to it. */
  readonly isStopping?: () => boolean;
};

/**
 * `/livez`: the process turns; restart it if this does not answer. `/readyz`: it can do its work; send it none while
 * this is 503. `/metrics`: for Prometheus. All of them answer also under overload.
 */
export function registerHealth(server: Inbound['server'], health: Health): void {
  const always = { config: { alwaysAnswered: true } };
  server.get('/livez', always, async () => ({ status: 'alive' }));
  server.get('/readyz', always, async (_request, reply) => {
    const { ready, checks } = await health.readiness();
    const isStopping = health.isStopping?.() === true;
    const status = isStopping ? 'stopping' : ready ? 'ready' : 'not_ready';
    return reply.code(status === 'ready' ? 200 : 503).send({ status, checks });
  });
  server.get('/metrics', always, async (_request, reply) => {
    return reply.header('content-type', health.metrics.contentType).send(await health.metrics.text());
  });
}

const check = Type.Object({ name: Type.String(), ok: Type.Boolean(), found: Type.String() });

/** The same for the OpenAPI description. */
export const describedHealth: readonly DescribedRoute[] = [
  {
    method: 'get',
    path: '/livez',
    operationId: 'isAlive',
    summary: 'Whether the process turns',
    key: 'none',
    answer: { status: 200, describes: 'It does', schema: Type.Object({ status: Type.Literal('alive') }) },
    refusals: [],
  },
  {
    method: 'get',
    path: '/readyz',
    operationId: 'isReady',
    summary: 'Whether the process can do its work; 503 with the same checks if it cannot',
    key: 'none',
    answer: {
      status: 200,
      describes: 'It can',
      schema: Type.Object({ status: Type.Literal('ready'), checks: Type.Array(check) }),
    },
    refusals: [],
  },
  {
    method: 'get',
    path: '/metrics',
    operationId: 'readMetrics',
    summary: 'What Prometheus reads',
    key: 'none',
    answer: { status: 200, describes: 'Metrics in the text format 0.0.4', schema: Type.String() },
    mediaType: 'text/plain',
    refusals: [],
  },
];

/** Probes and scrapers are few; more is somebody who has lost the way. */
const inFlightMax = 16;
const connectionsMax = 64;
const drainGraceMs = 1_000;

/** The same three routes on a port of their own, for processes that serve nothing else. Port 0 takes a free one. */
export async function startHealthServer(options: {
  readonly port: number;
  readonly host: string;
  readonly health: Health;
  readonly log: Logger;
  readonly newId: NewId;
}): Promise<{ readonly port: number; stop(): Promise<void> }> {
  // A line for every probe of every second would bury what the process has to say.
  const log: Logger = { ...options.log, info() {} };
  const inbound = createInbound({ log, newId: options.newId, inFlightMax, connectionsMax });
  registerHealth(inbound.server, options.health);
  await inbound.server.listen({ port: options.port, host: options.host });
  const address = inbound.server.server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    stop: () => inbound.drain(drainGraceMs),
  };
}
