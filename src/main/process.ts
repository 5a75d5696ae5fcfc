import { startHealthServer } from '../operations/health.http.ts';
import { createMetrics, type Metrics, type MetricsOptions } from '../operations/metrics.run.ts';
import { createReadiness } from '../operations/readiness.run.ts';
import { sleep } from '../shared/clock.ts';
import { toError } from '../shared/failure.ts';
import { newUuid } from '../shared/ids.ts';
import { createLogger, type Logger, type LogLevel } from '../shared/log.ts';
import { connect, type Database, isConnectionError, sqlState } from '../shared/postgres/client.ts';
import {
  type Advice,
  adviceOfStart,
  type CannotStart,
  cannotStart,
  explainSystemError,
  isCannotStart,
} from '../shared/postgres/embedded-fault.ts';
import { readMigrations, schemaFault } from '../shared/postgres/migrate.ts';
import { readEnvironment, type SettingName } from './environment.ts';
import { checkServer } from './given-server.ts';
import { createLoops, type Loops } from './loops.ts';
import { migrationsDirectory } from './migrations.ts';
import { say, tell } from './output.ts';
import { type EndReason, listenForShutdown, report, type Shutdown } from './shutdown.ts';

export type ProcessKind = 'api' | 'worker' | 'sweeper' | 'migrate';
export type Stoppable = { readonly stop: () => Promise<void> };
export type ProcessContext = {
  readonly databaseUrl: string;
  readonly log: Logger;
  /** Of the whole process, where it is several parts in one; else each part makes its own. */
  readonly metrics?: Metrics;
  /** Ends the process when one of them ends unasked. */
  readonly loops: Loops;
};

type Values = Readonly<Record<SettingName, string>>;
type Start = (context: ProcessContext, values: Values) => Promise<Stoppable | CannotStart | null>;

/**
/**
 * Runs one process until it is asked to stop: reads the environment, checks the database and its schema, starts, waits
 * for a signal, stops. Answers the exit code: 0 after a stop that was asked for, or at once when the start gives null;
 * 1 after a fault, 2 if the environment is not fit.
 */
export async function runProcess(kind: ProcessKind, start: Start): Promise<number> {
  const settings = readEnvironment(process.env, kind);
  if ('faults' in settings) {
    const faults = settings.faults.map((fault) => `  ${fault}\n`).join('');
    say(process.stderr, `\nonetill ${kind} cannot start:\n${faults}`);
    return 2;
  }
  const { values } = settings;
  const log = createLogger({ process: kind, level: values.logLevel as LogLevel });
  const shutdown = listenForShutdown({ endWithNpm: false });
  const loops = createLoops(log);
  void loops.lost.then((fault) => shutdown.request({ kind: 'fault', fault }));
  const starting = begin(kind, start, { databaseUrl: values.databaseUrl, log, loops }, values);
  try {
    // A start that hangs can be stopped too; what it has begun by then may be killed at any instant.
    const started = await Promise.race([starting, shutdown.requested.then(() => 'not yet' as const)]);
    if (started === null) return 0;
    if (started === 'not yet') return end(kind, await shutdown.requested, log);
    if (isCannotStart(started)) return end(kind, { kind: 'fault', fault: started }, log);
    log.info('ready', { pid: process.pid });
    const code = end(kind, await shutdown.requested, log);
    await stop(started, shutdown, log);
    return code;
  } catch (error) {
    const fault = explainSystemError(error, `onetill ${kind}`, adviceFor(kind));
    return end(kind, fault === null ? { kind: 'unexpected', error } : { kind: 'fault', fault }, log);
  } finally {
    shutdown.release();
  }
}

async function begin(
  kind: ProcessKind,
  start: Start,
  context: ProcessContext,
  values: Values,
): Promise<Stoppable | CannotStart | null> {
  const unfit = await checkServer({ url: context.databaseUrl, createsTables: kind === 'migrate', instead: '' });
  if (isCannotStart(unfit)) return unfit;
  const refused = kind === 'migrate' ? null : await refusedSchema(context, kind);
  return refused ?? (await start(context, values));
}

/**
 * Why a process of this version must not work on the database. One that cannot be asked yet, or has no schema yet, is
 * left to the start and to `/readyz`.
 */
async function refusedSchema(context: ProcessContext, kind: ProcessKind): Promise<CannotStart | null> {
  const database = openDatabase(context, kind, 1);
  const undefinedTable = '42P01';
  try {
    return await schemaFault(database, await readMigrations(migrationsDirectory));
  } catch (error) {
    if (isConnectionError(error) || sqlState(error) === undefinedTable) return null;
    throw error;
  } finally {
    await database.close();
  }
}

function end(kind: ProcessKind, reason: EndReason, log: Logger): number {
  if (kind === 'migrate' && reason.kind === 'asked') {
    const fault = cannotStart(
      'onetill migrate was stopped before its end.',
      'What it had begun is undone; run it again.',
    );
    return end(kind, { kind: 'fault', fault }, log);
  }
  return report(reason, { who: `onetill ${kind} cannot go on`, log, logPlace: 'the log', tell });
}

/** Above the longest lease, within which what is in hand ends; what is left is taken up by another process. */
const stopWaitMs = 35_000;

async function stop(started: Stoppable, shutdown: Shutdown, log: Logger): Promise<void> {
  const bounded = new AbortController();
  const late = Promise.race([shutdown.urged, sleep(stopWaitMs, bounded.signal)]).then(() => 'late' as const);
  try {
    const outcome = await Promise.race([started.stop(), late]);
    if (outcome === 'late') log.warn('the process did not stop in time');
  } catch (error) {
    log.error('the process failed to stop in order', { error: toError(error) });
  } finally {
    bounded.abort();
  }
}

/** What to change when a port is taken or a host is none of this machine. */
function adviceFor(kind: ProcessKind): Advice {
  const [port, host] = kind === 'api' ? ['PORT', 'HOST'] : ['HEALTH_PORT', 'HEALTH_HOST'];
  return {
    ...adviceOfStart,
    port: `Stop that program, or choose another port with ${port}.`,
    lowPort: `Choose one above 1023 with ${port}.`,
    host: `Name an address of this machine with ${host}.`,
  };
}

/** The process's pool. An idle connection that is lost is logged and replaced. */
export function openDatabase(context: ProcessContext, kind: ProcessKind, connectionsMax: number): Database {
  return connect({
    url: context.databaseUrl,
    applicationName: `onetill ${kind}`,
    connectionsMax,
    onConnectionError: (error) => context.log.warn('a database connection was lost', { error }),
  });
}

/** What a process counts: what it was handed, or counters of its own. */
export function metricsOf(
  context: ProcessContext,
  kind: ProcessKind,
  database: Database,
  circuits?: MetricsOptions['circuits'],
): Metrics {
  if (context.metrics !== undefined) return context.metrics;
  return createMetrics({ database, process: kind, ...(circuits === undefined ? {} : { circuits }) });
}

/** What a process says of its health: probes, and its metrics. */
export function healthOf(context: ProcessContext, database: Database, metrics: Metrics, isStopping: () => boolean) {
  const readiness = createReadiness({ database, migrationsDirectory, endedLoops: context.loops.ended });
  return { metrics, readiness, isStopping };
}

/** Where a process that has no server of its own answers its probes; port 0 for nowhere. */
export type HealthAddress = { readonly port: number; readonly host: string };

export const noProbes: HealthAddress = { port: 0, host: '127.0.0.1' };

export async function serveHealth(
  context: ProcessContext,
  address: HealthAddress,
  health: ReturnType<typeof healthOf>,
): Promise<Stoppable> {
  if (address.port === 0) return { stop: async () => {} };
  return await startHealthServer({ ...address, health, log: context.log, newId: newUuid });
}
