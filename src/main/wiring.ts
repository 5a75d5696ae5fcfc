import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { createDesk } from '../checkout/desk.run.ts';
import { defaultFraudRules, rulesScreen } from '../fraud/rules.ts';
import { screenStep } from '../fraud/screen.run.ts';
import type { FraudScreen } from '../fraud/screen.ts';
import { releaseUndo } from '../inventory/release.run.ts';
import { startEventFeed } from '../messaging/event-feed.run.ts';
import type { MessageType, QueueName } from '../messaging/queues.ts';
import { sweepHandledMessages } from '../messaging/sweep-handled.run.ts';
import type { Waker } from '../messaging/waker.ts';
import { type Handler, startWorker, type Worker, type WorkerOptions } from '../messaging/worker.run.ts';
import { describedHealth, type Health, registerHealth } from '../operations/health.http.ts';
import type { Circuit, Metrics } from '../operations/metrics.run.ts';
import { confirmStep } from '../orders/confirm.run.ts';
import { createOutcomeWatch } from '../orders/outcome-watch.run.ts';
import { orderTimeline } from '../orders/timeline.sql.ts';
import { authoriseStep, type PaymentsOptions } from '../payments/authorise.run.ts';
import { checkPayment } from '../payments/check.run.ts';
import type { PaymentProvider } from '../payments/provider.ts';
import { createSimulatedProvider } from '../payments/providers/simulated.client.ts';
import { voidStray } from '../payments/stray.run.ts';
import { sweepUnsettledPayments } from '../payments/sweep.run.ts';
import { type PaymentTimings, paymentTimings } from '../payments/timings.ts';
import { voidUndo } from '../payments/void.run.ts';
import { describedWebhooks, registerWebhooks, type WebhookSource } from '../payments/webhooks.http.ts';
import { handleWebhook } from '../payments/webhooks.run.ts';
import { type RunnerOptions, stepRunner, undoRunner } from '../sagas/runner.run.ts';
import { sweepOverdueOrders, sweepParkedUndos } from '../sagas/sweeper.run.ts';
import { machineClock } from '../shared/clock.ts';
import { type NewId, newUuid } from '../shared/ids.ts';
import { createInbound, type Inbound } from '../shared/inbound.ts';
import type { Logger } from '../shared/log.ts';
import { createOutbound, type Outbound, type OutboundOptions } from '../shared/outbound.ts';
import { type PartyName, parties } from '../shared/parties.ts';
import type { Database } from '../shared/postgres/client.ts';
import type { Secret } from '../shared/secret.ts';
import { currentTraceparent } from '../shared/trace-scope.ts';
import { authenticateByKey } from '../storefront-api/callers.run.ts';
import { findCaller } from '../storefront-api/callers.sql.ts';
import { type StorefrontConfig, simulatedHandler } from '../storefront-api/config.ts';
import { registerStorefront } from '../storefront-api/storefront.http.ts';

/** What every process is built of. Kept apart from the processes so that `npm start` runs the same code in one. */
export type Built = {
  readonly database: Database;
  readonly waker: Waker;
  readonly log: Logger;
  /** Ids of another source than the machine's: of a seed, in a simulation. */
  readonly newId?: NewId;
};

/** The name of this process in leases, audit trail and logs: unique among all that run. */
export function processName(kind: string): string {
  return `${kind} ${hostname().slice(0, 40)} ${process.pid} ${randomUUID().slice(0, 8)}`;
}

export function runnerOptions(built: Built, actor: string): RunnerOptions {
  return {
    database: built.database,
    waker: built.waker,
    newId: built.newId ?? newUuid,
    actor,
    inboxOwner: 'operations',
  };
}

/** The API: routes over the checkout desk, webhooks in. Not yet listening. */
export function buildApi(
  built: Built,
  options: {
    publicUrl: string;
    shopUrl: string;
    publicMerchantId: string | null;
    webhookSources: readonly WebhookSource[];
    /** Without it the server answers no probes and no metrics: as tests want it. */
    health?: Health & { readonly metrics: Metrics };
  },
): Inbound {
  const inbound = createInbound({
    log: built.log,
    newId: newUuid,
    ...(options.health === undefined ? {} : countedBy(options.health.metrics)),
  });
  const desk = createDesk({
    ...built,
    newId: newUuid,
    watch: createOutcomeWatch(built.database),
    onCommitted: (outcome) => options.health?.metrics.onCommitted(outcome),
    onBatch: (size) => options.health?.metrics.onBatch(size),
  });
  const authenticate = authenticateByKey({
    findCaller: (hash) => findCaller(built.database, hash),
    clock: machineClock,
  });
  registerStorefront(inbound, {
    desk,
    authenticate,
    database: built.database,
    config: storefrontConfig(options),
    described: [...describedWebhooks, ...(options.health === undefined ? [] : describedHealth)],
  });
  if (options.health !== undefined) registerHealth(inbound.server, options.health);
  registerWebhooks(inbound.server, { ...built, newId: newUuid, clock: machineClock, sources: options.webhookSources });
  return inbound;
}

function countedBy({ onAnswered, onTurnedAway }: Metrics) {
  return { onAnswered, onTurnedAway };
}

function storefrontConfig(options: {
  publicUrl: string;
  shopUrl: string;
  publicMerchantId: string | null;
}): StorefrontConfig {
  const shopUrl = options.shopUrl.replace(/\/+$/, '');
  return {
    publicUrl: options.publicUrl.replace(/\/+$/, ''),
    orderPageUrl: `${shopUrl}/orders`,
    checkoutPageUrl: shopUrl.startsWith('https://') ? `${shopUrl}/checkouts` : null,
    links: [
      { type: 'privacy_policy', url: `${shopUrl}/privacy` },
      { type: 'terms_of_service', url: `${shopUrl}/terms` },
    ],
    paymentHandlers: [simulatedHandler],
    publicMerchantId: options.publicMerchantId,
  };
}

/** The handlers of every message type: the saga's steps and undos, payments' checks, webhooks. */
export function buildHandlers(
  built: Built,
  options: { providers: readonly PaymentProvider[]; screen?: FraudScreen; timings?: PaymentTimings; actor: string },
): { readonly [Type in MessageType]: Handler } {
  const run = runnerOptions(built, options.actor);
  const payments: PaymentsOptions = {
    providers: new Map(options.providers.map((provider) => [provider.name, provider])),
    timings: options.timings ?? paymentTimings,
    newId: run.newId,
  };
  const screen = options.screen ?? rulesScreen(defaultFraudRules);
  return {
    'screen-for-fraud': stepRunner(run, 'screen-for-fraud', screenStep(screen)),
    'authorise-payment': stepRunner(run, 'authorise-payment', authoriseStep(payments)),
    'confirm-order': stepRunner(run, 'confirm-order', confirmStep),
    'void-authorisation': undoRunner(run, 'void-authorisation', voidUndo(payments)),
    'release-stock': undoRunner(run, 'release-stock', releaseUndo),
    'check-payment': checkPayment({ ...run, ...payments }),
    'void-stray-authorisation': voidStray({ ...run, ...payments }),
    'handle-webhook': handleWebhook({ ...built, newId: run.newId }),
  };
}

/** What the sweeper looks after. */
export const sweeperTasks = [
  sweepOverdueOrders,
  sweepUnsettledPayments,
  sweepParkedUndos,
  sweepHandledMessages,
] as const;

/** A worker with its event feed. `wake` comes from the database's hints. */
export function buildWorker(
  built: Built,
  options: {
    handlers: { readonly [Type in MessageType]: Handler };
    queues: readonly QueueName[];
    name: string;
    pollMs?: number;
  } & Pick<WorkerOptions, 'onTaken' | 'onHandled' | 'settings'>,
): Worker {
  const { name, pollMs, ...rest } = options;
  const worker = startWorker({
    ...rest,
    database: built.database,
    log: built.log,
    workerName: name,
    newId: built.newId ?? newUuid,
    random: Math.random,
    pollMs: pollMs ?? idlePollMs,
  });
  const feed = startEventFeed({
    database: built.database,
    subscribers: [orderTimeline],
    log: built.log,
    pollMs: feedPollMs,
  });
  return {
    wake: (queues) => worker.wake(queues),
    async stop() {
      await Promise.all([worker.stop(), feed.stop()]);
    },
    ended: Promise.race([worker.ended, feed.ended]),
  };
}

/** Hints make work prompt; this is how long it waits when a hint is lost. */
const idlePollMs = 500;
/** What subscribers show may be this late. */
const feedPollMs = 250;

/** The client for calls out, and the simulated provider over it. */
export function buildProviders(options: {
  providerUrl: string;
  apiKey: Secret;
  onCall?: OutboundOptions<PartyName>['onCall'];
}): { readonly outbound: Outbound<PartyName>; readonly providers: readonly PaymentProvider[] } {
  const { origin, hostname: host } = new URL(options.providerUrl);
  const reach = ['127.0.0.1', 'localhost', '[::1]'].includes(host) ? 'loopback' : 'public';
  const outbound = createOutbound<PartyName>({
    parties,
    traceparent: currentTraceparent,
    origins: { 'payment-provider': [{ origin, reach }] },
    ...(options.onCall === undefined ? {} : { onCall: options.onCall }),
  });
  return { outbound, providers: [createSimulatedProvider({ outbound, origin, apiKey: options.apiKey })] };
}

/** How the circuits to outside parties stand now. */
export function circuitsOf(outbound: Outbound<PartyName>): readonly Circuit[] {
  return (Object.keys(parties) as PartyName[]).map((party) => ({ party, circuit: outbound.state(party).circuit }));
}
