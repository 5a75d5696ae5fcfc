import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { sleep, stopwatch } from './clock.ts';
import { isRefused, type Refused, RefusedError, refuse, toError } from './failure.ts';
import type { NewId } from './ids.ts';
import { createAdmission, type Place } from './inbound/admission.ts';
import { serveCatalogue } from './inbound/catalogue.http.ts';
import { faultOfFraming } from './inbound/framing.ts';
import { faultOfHttp } from './inbound/http.ts';
import { faultOfTexts, parseBody } from './inbound/json.ts';
import { answerHeaders, type ErrorShape, errorReply, problemShape } from './inbound/problem.ts';
import { requestIdOf, textOf, textsOf } from './inbound/texts.ts';
import { refusalOfThrown } from './inbound/thrown.ts';
import { createUnparsed } from './inbound/unparsed.ts';
import { limits } from './limits.ts';
import type { Logger } from './log.ts';
import { refusals } from './refusals.ts';
import { continueTrace, showTraceparent, type TraceContext } from './trace.ts';

export type InboundOptions = {
  readonly log: Logger;
  readonly newId: NewId;
  /** No more requests are in progress at once, however quickly they are done (inbound/admission.ts). */
  readonly inFlightMax?: number;
  readonly connectionsMax?: number;
  /** Called once per request when its answer is sent or its client has gone. For metrics. */
  readonly onAnswered?: (answered: Answered) => void;
  /** Called once per request that was not let in, besides. */
  readonly onTurnedAway?: () => void;
};

/** `route` is the pattern and never the URL, so that metrics and logs stay small and hold no ids. */
export type Answered = {
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
};

export type Inbound = {
  /** Routes are added here. A handler may return a refusal, or throw: both become an answer of the catalogue. */
  readonly server: FastifyInstance;
  /** Gives refusals under a URL prefix the shape of a protocol. Elsewhere they are problem details. */
  shapeErrors(prefix: string, shape: ErrorShape): void;
  /** Every route there is, HEAD included. For the description, the 405s and the tests. */
  routes(): readonly { readonly method: string; readonly url: string }[];
  /** Takes no new connections, lets running requests end, and cuts what is left after the grace. */
  drain(graceMs: number): Promise<void>;
};

declare module 'fastify' {
  interface FastifyRequest {
    /** The trace of this request, begun here if the caller brought none. */
    trace: TraceContext;
    traceparent: string;
    /** The body as it came, for signatures; null if there was none. */
    rawBody: Buffer | null;
    /** Held while it is handled. */
    place: Place | null;
    /** Has the wait take no place among the requests in progress: nothing is done for this request meanwhile. */
    aside: <T>(wait: () => Promise<T>) => Promise<T>;
  }
  interface FastifyContextConfig {
    /** Answered also under overload: probes and metrics. */
    alwaysAnswered?: boolean;
  }
}

/** docs/decisions/0022-overload.md has what was tried. */
const admitted = { floor: 128, capDefault: 1_024, targetMs: 150 } as const;
const connectionsMaxDefault = 4096;

/** What a client may take of us: a slow one loses its connection, not our memory. */
const socketLimits = {
  headerBytesMax: 16 * 1024,
  headersTimeoutMs: 10_000,
  /** For a whole request with its body of at most 64 KiB. */
  requestTimeoutMs: 20_000,
  /** Node looks for clients above these two only so often. */
  checkingIntervalMs: 5_000,
  /** Above the 60 s of common load balancers, so that they close first. */
  keepAliveTimeoutMs: 65_000,
  /** Above the longest wait for an outcome. */
  idleTimeoutMs: limits.waitMsMax + 60_000,
  requestsPerConnectionMax: 100_000,
  pathPartMax: 255,
} as const;

/** The HTTP rim that every process with routes builds on. */
export function createInbound(options: InboundOptions): Inbound {
  const shapes: { prefix: string; shape: ErrorShape }[] = [];
  const routes: { method: string; url: string }[] = [];
  const rim: Rim = {
    ...options,
    shapeOf: (url) => shapes.find((each) => url.startsWith(each.prefix))?.shape ?? problemShape,
    routes,
  };
  const unparsed = createUnparsed({ ...options, headerBytesMax: socketLimits.headerBytesMax });
  const server = Fastify({
    logger: false,
    bodyLimit: limits.bodyBytesMax,
    requestTimeout: socketLimits.requestTimeoutMs,
    keepAliveTimeout: socketLimits.keepAliveTimeoutMs,
    connectionTimeout: socketLimits.idleTimeoutMs,
    maxRequestsPerSocket: socketLimits.requestsPerConnectionMax,
    http: {
      maxHeaderSize: socketLimits.headerBytesMax,
      headersTimeout: socketLimits.headersTimeoutMs,
      connectionsCheckingInterval: socketLimits.checkingIntervalMs,
      requireHostHeader: false,
    },
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    routerOptions: { maxParamLength: socketLimits.pathPartMax, querystringParser: parseQuery },
    genReqId: (raw) => requestIdOf(raw.headers['request-id']) ?? options.newId(),
    // Before any hook has run.
    frameworkErrors: (error, request, reply) => sendThrown(rim, error, request, reply.headers(headersOf(request))),
    clientErrorHandler: unparsed.onClientError,
  });
  server.server.on('checkExpectation', (request, response) => server.server.emit('request', request, response));
  server.server.maxConnections = options.connectionsMax ?? connectionsMaxDefault;
  server.decorateRequest('trace', null as unknown as TraceContext);
  server.decorateRequest('traceparent', '');
  server.decorateRequest('rawBody', null);
  server.decorateRequest('place', null);
  server.decorateRequest('aside', waitAside);
  server.server.on('request', unparsed.onRequest);
  server.addHook('onRoute', (route) => {
    for (const method of [route.method].flat()) routes.push({ method, url: route.url });
  });
  acceptJson(server);
  guardRequests(server, rim);
  let isDraining = false;
  server.addHook('onSend', async (_request, reply, payload) => {
    // Else the connection of a request that ends during the drain stays open, idle, until the grace is over.
    if (isDraining) reply.header('connection', 'close');
    return payload;
  });
  server.setErrorHandler((thrown, request, reply) => sendThrown(rim, thrown, request, reply));
  serveCatalogue(server);
  server.setNotFoundHandler((request, reply) => send(rim, refusalOfUnknown(rim, request, reply), request, reply));
  return {
    server,
    shapeErrors: (prefix, shape) => void shapes.push({ prefix, shape }),
    routes: () => routes,
    drain: async (graceMs) => {
      isDraining = true;
      const over = new AbortController();
      const cut = sleep(graceMs, over.signal).then(() => server.server.closeAllConnections());
      await server.close();
      over.abort();
      await cut;
    },
  };
}

type Rim = InboundOptions & {
  readonly shapeOf: (url: string) => ErrorShape;
  readonly routes: readonly { readonly method: string; readonly url: string }[];
};

function acceptJson(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes: Buffer, done) => {
    request.rawBody = bytes;
    // Clients that set the header on every request also set it where there is no body.
    if (bytes.length === 0) return done(null, undefined);
    const parsed = parseBody(bytes, isSigned(request) ? 'a signer' : 'a stranger');
    if (isRefused(parsed)) return done(new RefusedError(parsed));
    done(null, parsed.value);
  });
}

/**
 * Whether the body is a provider's event that says that it is signed (Standard Webhooks). Its route verifies that
 * before it looks at the body, and keeps nothing of one that does not verify.
 */
function isSigned(request: FastifyRequest): boolean {
  const isWebhook = request.routeOptions.url?.startsWith('/webhooks/') === true;
  return isWebhook && signatureHeaders.every((name) => textOf(request.headers[name]) !== undefined);
}

const signatureHeaders = ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const;

const overloaded = refuse('overloaded', 'Too many requests are being handled. Retry with the same key.');

function guardRequests(server: FastifyInstance, rim: Rim): void {
  const cap = rim.inFlightMax ?? admitted.capDefault;
  const { targetMs, floor } = admitted;
  const admission = createAdmission({ nowMs: stopwatch(), floor: Math.min(floor, cap), cap, targetMs });
  server.addHook('onRequest', async (request, reply) => {
    const elapsedMs = stopwatch();
    const takesPlace = request.routeOptions.config.alwaysAnswered !== true;
    request.place = takesPlace ? admission.enter() : null;
    const { raw } = request;
    const framingFault = faultOfHttp(raw) ?? faultOfFraming(raw.rawHeaders);
    const isTurnedAway = takesPlace && request.place === null && framingFault === null;
    reply.raw.once('close', () => {
      request.place?.leave();
      const answered = noteAnswer(rim, request, reply, elapsedMs());
      // A line for each would be work for a full server; they are counted.
      if (isTurnedAway) rim.onTurnedAway?.();
      else rim.log.info('answered', { requestId: request.id, traceId: request.trace.traceId, ...answered });
    });
    reply.headers(headersOf(request));
    // At once and without a throw: a refusal took longer than a quick answer, for its trace, its checks and its stack.
    if (isTurnedAway) return send(rim, overloaded, request, reply);
    request.trace = continueTrace(textOf(request.headers.traceparent), rim.newId);
    request.traceparent = showTraceparent(request.trace);
    const fault = framingFault ?? faultOfTexts(textsOf(request));
    if (fault !== null) throw new RefusedError(fault);
    return;
  });
  server.addHook('preSerialization', async (_request, _reply, payload) => {
    if (isRefused(payload)) throw new RefusedError(payload);
    return payload;
  });
}

async function waitAside<T>(this: FastifyRequest, wait: () => Promise<T>): Promise<T> {
  const takeAgain = this.place?.standAside();
  try {
    return await wait();
  } finally {
    takeAgain?.();
  }
}

/** Of every answer. */
function headersOf(request: FastifyRequest) {
  return { ...answerHeaders, 'request-id': request.id };
}

function noteAnswer(rim: Rim, request: FastifyRequest, reply: FastifyReply, durationMs: number): Answered {
  const answered: Answered = {
    method: request.method,
    route: request.routeOptions.url ?? 'none',
    // 499, as nginx has it: the client went away before there was an answer.
    status: reply.raw.headersSent ? reply.raw.statusCode : 499,
    durationMs,
  };
  rim.onAnswered?.(answered);
  return answered;
}

/** A parameter that is given twice is a list, which no schema takes. */
function parseQuery(text: string): Record<string, string | string[]> {
  const query: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of new URLSearchParams(text)) {
    const before = query[name];
    query[name] = before === undefined ? value : [before, value].flat();
  }
  return query;
}

function refusalOfUnknown(rim: Rim, request: FastifyRequest, reply: FastifyReply): Refused {
  const path = request.url.split('?', 1)[0] ?? '';
  const methods = rim.routes.filter((route) => patternOf(route.url).test(path)).map((route) => route.method);
  if (methods.length === 0) return refuse('route_not_found', 'There is no such route here. See /openapi.json.');
  const allow = [...new Set(methods)].sort().join(', ');
  reply.header('allow', allow);
  return refuse('method_not_allowed', `This route takes ${allow}.`);
}

function patternOf(url: string): RegExp {
  const parts = url.split('/').map((part) => (part.startsWith(':') ? '[^/]+' : part.replaceAll('.', '\\.')));
  return new RegExp(`^${parts.join('/')}$`);
}

function sendThrown(rim: Rim, thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const refusal = refusalOfThrown(thrown);
  if (refusals[refusal.code].status >= 500 && !(thrown instanceof RefusedError)) {
    rim.log.error('a request failed', {
      requestId: request.id,
      method: request.method,
      route: request.routeOptions?.url ?? 'none',
      code: refusal.code,
      error: toError(thrown),
    });
  }
  return send(rim, refusal, request, reply);
}

function send(rim: Rim, refusal: Refused, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, headers, body } = errorReply(refusal, request.id, rim.shapeOf(request.url));
  // As bytes: the refusal's hook above must not look at it again.
  return reply
    .code(status)
    .headers({ ...answerHeaders, ...headers })
    .send(Buffer.from(JSON.stringify(body)));
}
