import { AsyncLocalStorage } from 'node:async_hooks';
import pg from 'pg';
import { Bug } from '../assert.ts';

/** One statement, written out, with positional parameters. A name makes it a prepared statement of its connection. */
export type Statement = {
  readonly name?: string;
  readonly text: string;
  readonly values?: readonly unknown[];
  /** Waits for the answer however long it takes. For what lifts the statement timeout: a migration. */
  readonly takesItsTime?: true;
};

/** Runs statements: a database (each statement its own transaction) or an open transaction. */
export type Queryable = {
  /** The rows of the statement. bigint columns are bigint, timestamps are Date, jsonb is parsed. */
  query<Row extends object>(statement: Statement): Promise<Row[]>;
  /** The number of rows that the statement changed. */
  execute(statement: Statement): Promise<number>;
};

/**
 * A statement that does for many what each of its callers asks for one: one answer per ask, in their order. No two
 * asks of one call are for the same order.
 */
export type SetStatement<Ask, Answer> = (db: Queryable, asks: readonly Ask[]) => Promise<readonly Answer[]>;

export type Transaction = Queryable & {
  /** Asks for one. Where several works share the transaction (cohort.ts), it is asked for all of them at once. */
  each<Ask, Answer>(statement: SetStatement<Ask, Answer>, ask: Ask): Promise<Answer>;
  readonly __transaction: true;
};

export type Database = Queryable & {
  /**
   * Runs the work in one READ COMMITTED transaction; commits when it resolves, rolls back when it throws. Invariants
   * rest on unique keys, checks and row locks, never on an isolation level alone. A deadlock or a serialization
   * failure is retried up to three times, so the work must have no effect outside of the transaction.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>;
  /** A connection of its own that LISTENs; calls back with each payload. Returns how to stop. Reconnects by itself. */
  listen(channel: string, onNotice: (payload: string) => void): Promise<() => Promise<void>>;
  close(): Promise<void>;
};

export type DatabaseOptions = {
  readonly url: string;
  /** Shown in pg_stat_activity. */
  readonly applicationName: string;
  readonly connectionsMax: number;
  /** A statement that runs longer is cancelled: no query here is meant to take seconds. */
  readonly statementTimeoutMs?: number;
  readonly connectTimeoutMs?: number;
  /** For who adds up whole tables, as no process does: joins of every kind, which our own statements do without. */
  readonly addsUp?: true;
  /** Called with errors of idle connections, such as a server that went away. The pool mends itself. */
  readonly onConnectionError?: (error: Error) => void;
};

const defaults = { statementTimeoutMs: 15_000, connectTimeoutMs: 5_000 };
/**
 * A server that lives has cancelled the statement by its timeout and said so. Where no word comes for this much longer,
 * the connection leads nowhere (a lost host, a firewall that forgot it), and only the system's keepalive would end it.
 */
const silenceGraceMs = 500;
const transactionTriesMax = 4;
/** A lock that is not had in this time is a deadlock of the application, or an administrator at work. */
const lockTimeoutMs = 10_000;
/**
 * Between two statements of a transaction there is only computing (calls out are refused there), so that this long says
 * that the process is paused or hangs. Half of the lock timeout: who waits for its stock gets it instead of giving up.
 */
const idleInTransactionTimeoutMs = 5_000;

/**
 * Every statement is prepared and keeps one plan. Left to choose, the server planned the commit's reads anew at each
 * call: 0.57 ms per order, measured. A plan that is kept must be good when the table is large, though it is made while
 * it is small; and every statement here asks for few rows by their keys. With joins by hashing or sorting allowed, a
 * take of 24 messages took 3.5 ms instead of 0.6, and the timeline of 240 events 13.6 ms instead of 0.2.
 */
const planning = {
  once: '-c plan_cache_mode=force_generic_plan',
  byKey: `-c plan_cache_mode=force_generic_plan ${['seqscan', 'hashjoin', 'mergejoin']
    .map((way) => `-c enable_${way}=off`)
    .join(' ')}`,
} as const;

const openTransaction = new AsyncLocalStorage<true>();

/** Whether the calling code runs inside a database transaction. The outbound client refuses to call out from there. */
export function insideTransaction(): boolean {
  return openTransaction.getStore() === true;
}

/** The shared PostgreSQL client. All database I/O of the server goes through it. */
export function connect(options: DatabaseOptions): Database {
  const settings = { ...defaults, ...options };
  const config: pg.PoolConfig = {
    connectionString: settings.url,
    application_name: settings.applicationName,
    max: settings.connectionsMax,
    connectionTimeoutMillis: settings.connectTimeoutMs,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    options: settings.addsUp === true ? planning.once : planning.byKey,
    statement_timeout: settings.statementTimeoutMs,
    lock_timeout: lockTimeoutMs,
    idle_in_transaction_session_timeout: idleInTransactionTimeoutMs,
    types: { getTypeParser: typeParser as typeof pg.types.getTypeParser },
  };
  const pool = new pg.Pool(config);
  const onError = settings.onConnectionError ?? (() => {});
  pool.on('error', onError);
  pool.on('connect', (client) => client.on('error', onError));
  const answerMs = settings.statementTimeoutMs + silenceGraceMs;
  return databaseOver(pool, (channel, onNotice) => listen(settings, channel, onNotice, onError), answerMs);
}

/** What the client needs of the driver's pool and of its connections. */
export type ConnectionPool = Runner & {
  connect(): Promise<Runner & { release(broken?: Error): void }>;
  end(): Promise<void>;
};
/** The driver takes the limit with each query; its types know it only for the whole connection. */
type LimitedQuery = pg.QueryConfig & { query_timeout?: number };
type Runner = { query(config: LimitedQuery): Promise<{ rows: unknown[]; rowCount: number | null }> };

/** The client over a pool: that of the driver, or one of a store that stands in for a server in a simulation. */
export function databaseOver(
  pool: ConnectionPool,
  listenOn: Database['listen'],
  answerMs = defaults.statementTimeoutMs + silenceGraceMs,
): Database {
  return {
    ...queryable(pool, answerMs),
    transaction: (work) => transaction(pool, answerMs, work),
    listen: listenOn,
    close: () => pool.end(),
  };
}

function queryable(runner: Runner, answerMs: number): Queryable {
  return {
    async query<Row extends object>(statement: Statement): Promise<Row[]> {
      return (await runner.query(configOf(statement, answerMs))).rows as Row[];
    },
    async execute(statement: Statement): Promise<number> {
      return (await runner.query(configOf(statement, answerMs))).rowCount ?? 0;
    },
  };
}

function configOf(statement: Statement, answerMs: number): LimitedQuery {
  const config: LimitedQuery = { text: statement.text };
  if (statement.takesItsTime !== true) config.query_timeout = answerMs;
  if (statement.name !== undefined) config.name = statement.name;
  if (statement.values !== undefined) config.values = statement.values as unknown[];
  return config;
}

async function transaction<T>(
  pool: ConnectionPool,
  answerMs: number,
  work: (tx: Transaction) => Promise<T>,
): Promise<T> {
  if (insideTransaction()) throw new Bug('a transaction was begun inside another one');
  for (let tryNumber = 1; ; tryNumber += 1) {
    const client = await pool.connect();
    const statements = queryable(client, answerMs);
    let broken: Error | undefined;
    try {
      await statements.execute({ text: 'begin' });
      const result = await openTransaction.run(true, () => work(transactionOver(statements)));
      await statements.execute({ text: 'commit' });
      return result;
    } catch (error) {
      // The connection is gone, and its transaction with it: the pool must not hand it out again.
      broken = isSilence(error) ? error : await rollBack(statements);
      if (!mayTryAgain(error) || tryNumber >= transactionTriesMax) throw error;
    } finally {
      client.release(broken);
    }
  }
}

/** A transaction of one piece of work over what runs its statements. */
export function transactionOver(statements: Queryable): Transaction {
  return {
    ...statements,
    async each<Ask, Answer>(statement: SetStatement<Ask, Answer>, ask: Ask): Promise<Answer> {
      return (await statement(statements, [ask]))[0] as Answer;
    },
    __transaction: true,
  };
}

async function rollBack(statements: Queryable): Promise<Error | undefined> {
  return await statements.execute({ text: 'rollback' }).then(
    () => undefined,
    (error: Error) => error,
  );
}

/** The driver's words for a query that was not answered in its time; it has no code for it. */
function isSilence(error: unknown): error is Error {
  return error instanceof Error && error.message === 'Query read timeout';
}

/** deadlock_detected and serialization_failure: the server has rolled back, and the same work may well succeed now. */
const retryableSqlStates: readonly string[] = ['40P01', '40001'];

function mayTryAgain(error: unknown): boolean {
  return retryableSqlStates.includes(sqlState(error) ?? '');
}

/** The SQLSTATE of a database error, or null of any other error. */
export function sqlState(error: unknown): string | null {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : null;
}

/**
 * Whether the error says that the database is away or going away, so that trying again later makes sense; or that it
 * has ended a transaction that idled too long (25P03), and its connection with it.
 */
export function isConnectionError(error: unknown): boolean {
  const code = String((error as { code?: unknown } | null)?.code ?? '');
  const message = error instanceof Error ? error.message : '';
  return (
    /^(08...|57P0[1-5]|53...|25P03)$/.test(code) ||
    isSilence(error) ||
    ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ENOTFOUND', 'EAI_AGAIN', 'ENOENT'].includes(code) ||
    /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/.test(
      message,
    )
  );
}

const int8Oid = 20;
const numericOid = 1700;
const int8ArrayOid = 1016;

/** bigint for int8 and int8[]; numeric does not occur in the schema and stays text; the rest as the driver has it. */
function typeParser(oid: number, format?: 'text' | 'binary'): unknown {
  if (oid === int8Oid) return BigInt;
  if (oid === numericOid) return String;
  if (oid === int8ArrayOid) {
    const parse = pg.types.getTypeParser(int8ArrayOid as never) as (text: string) => string[];
    return (text: string) => parse(text).map(BigInt);
  }
  return pg.types.getTypeParser(oid, format as 'text');
}

async function listen(
  options: DatabaseOptions & typeof defaults,
  channel: string,
  onNotice: (payload: string) => void,
  onError: (error: Error) => void,
): Promise<() => Promise<void>> {
  let stopped = false;
  let client: pg.Client | undefined;
  const reconnectDelayMs = 500;
  async function open(): Promise<void> {
    const next = new pg.Client({
      connectionString: options.url,
      application_name: `${options.applicationName} listen`,
      connectionTimeoutMillis: options.connectTimeoutMs,
      keepAlive: true,
    });
    next.on('notification', (notice) => onNotice(notice.payload ?? ''));
    next.on('error', onError);
    next.on('end', reopenLater);
    await next.connect();
    await next.query(`listen ${pg.escapeIdentifier(channel)}`);
    client = next;
    if (stopped) await next.end();
  }
  // A connection that cannot be opened says so twice, by its end and by the failed attempt: without the mark each
  // failure would bring two attempts, and an outage of a minute a storm of them.
  let isDue = false;
  function reopenLater(): void {
    if (stopped || isDue) return;
    isDue = true;
    setTimeout(() => {
      isDue = false;
      if (stopped) return;
      open().catch((error: Error) => {
        onError(error);
        reopenLater();
      });
    }, reconnectDelayMs).unref();
  }
  await open();
  return async () => {
    stopped = true;
    await client?.end();
  };
}
