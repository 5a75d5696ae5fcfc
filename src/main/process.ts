import { startHealthServer } from '../operations/health.http.ts';
import { createMetrics, type Metrics, type MetricsOptions } from '../operations/metrics.run.ts';
import { createReadiness } from '../operations/readiness.run.ts';
import { toError } from '../shared/failure.ts';
import { newUuid } from '../shared/ids.ts';
import { createLogger, type Logger, type LogLevel } from '../shared/log.ts';
import { connect, type Database, isConnectionError, sqlState } from '../shared/postgres/client.ts';
import { type CannotStart, explainSystemError, isCannotStart } from '../shared/postgres/embedded-fault.ts';
import { readMigrations, schemaFault } from '../shared/postgres/migrate.ts';
import { readEnvironment, type SettingName } from './environment.ts';
import { migrationsDirectory } from './migrations.ts';

export type ProcessKind = 'api' | 'worker' | 'sweeper' | 'migrate';
export type Stoppable = { readonly stop: () => Promise<void> };
export type ProcessContext = {
  readonly databaseUrl: string;
  readonly log: Logger;
  /** Of the whole process, where it is several parts in one; else each part makes its own. */
  readonly metrics?: Metrics;
};

/**
 * Runs one process until it is asked to stop: reads the environment, starts, waits for SIGINT or SIGTERM, stops.
 * Answers the exit code: 0 after a stop that was asked for, or at once when the start gives null; 1 after a fault, or
 * if the database's schema is not of this version; 2 if the environment is not fit.
 */
export async function runProcess(
  kind: ProcessKind,
  start: (
    context: ProcessContext,
    values: Readonly<Record<SettingName, string>>,
  ) => Promise<Stoppable | CannotStart | null>,
): Promise<number> {
  const settings = readEnvironment(process.env, kind);
  if ('faults' in settings) {
    process.stderr.write(
      `\nonetill ${kind} cannot start:\n${settings.faults.map((fault) => `  ${fault}`).join('\n')}\n`,
    );
    return 2;
  }
  const { values } = settings;
  const log = createLogger({ process: kind, level: values.logLevel as LogLevel });
  const asked = signalled();
  try {
    const context = { databaseUrl: values.databaseUrl, log };
    const started = (kind === 'migrate' ? null : await refusedSchema(context, kind)) ?? (await start(context, values));
    if (started === null) return 0;
    if (isCannotStart(started)) {
      log.error('cannot go on', { reason: started.message });
      process.stderr.write(`\n${started.message}\n${started.next}\n`);
      return 1;
    }
    log.info('ready', { pid: process.pid });
    const signal = await asked;
    log.info('stopping', { reason: signal });
    await started.stop();
    return 0;
  } catch (thrown) {
    const fault = explainSystemError(thrown, `onetill ${kind}`);
    const error = toError(thrown);
    log.error('cannot go on', { error });
    process.stderr.write(
      `\n${fault === null ? `onetill ${kind} cannot go on: ${error.message}` : `${fault.message}\n${fault.next}`}\n`,
    );
    return 1;
  }
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

function signalled(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolve(signal));
  });
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
export function healthOf(database: Database, metrics: Metrics, isStopping: () => boolean) {
  return { metrics, readiness: createReadiness({ database, migrationsDirectory }), isStopping };
}

/** Answers the probes of a process that has no server of its own; with port 0 there is none. */
export async function serveHealth(
  context: ProcessContext,
  port: number,
  health: ReturnType<typeof healthOf>,
): Promise<Stoppable> {
  if (port === 0) return { stop: async () => {} };
  return await startHealthServer({ port, host: '0.0.0.0', health, log: context.log, newId: newUuid });
}
