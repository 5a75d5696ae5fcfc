import type { ConnectionPool } from '../../../src/shared/postgres/client.ts';
import { SqlError } from './sql-error.ts';
import type { Result, Store } from './store.ts';
import type { Transaction } from './transactions.ts';

/** What is sent to the server: a statement, or the beginning or end of a transaction. */
export type Exchange = {
  readonly does: 'statement' | 'begin' | 'commit' | 'rollback';
  readonly name: string;
  readonly values: readonly unknown[];
};

/**
 * The way to the server and back. It may take time, lose what is sent or what is answered, and never come back. An
 * error that is not the server's own (SqlError) is the end of the connection.
 */
export type Line = {
  carry(exchange: Exchange, serve: () => Promise<Result>): Promise<Result>;
  /** The server learns that a connection is gone; until then its transaction stays open, with all that it holds. */
  hangUp(notice: () => void): void;
};

export const straightLine: Line = { carry: (_, serve) => serve(), hangUp: (notice) => notice() };

export type MemoryPool = ConnectionPool & {
  /** Ends all connections at once, as when their process is killed. */
  cut(): void;
};

const controls = ['begin', 'commit', 'rollback'] as const;

type Session = { transaction: Transaction | null; isGone: boolean };

/** The driver's pool, over the store. The client of the project runs on it unchanged. */
export function memoryPool(store: Store, line: Line): MemoryPool {
  const sessions = new Set<Session>();

  async function carry(session: Session, exchange: Exchange, serve: () => Promise<Result>): Promise<Result> {
    if (session.isGone) throw new Error('Client has encountered a connection error and is not queryable');
    try {
      return await line.carry(exchange, async () => {
        if (session.isGone) throw connectionLost();
        return await serve();
      });
    } catch (error) {
      if (!(error instanceof SqlError)) leave(session);
      throw error;
    }
  }

  function leave(session: Session): void {
    if (session.isGone) return;
    session.isGone = true;
    sessions.delete(session);
    const { transaction } = session;
    if (transaction !== null) line.hangUp(() => store.rollBack(transaction));
  }

  return {
    async query(config) {
      const { name, values } = askOf(config);
      const session: Session = { transaction: null, isGone: false };
      return await carry(session, statement(name, values), () => serveAlone(store, name, values));
    },
    async connect() {
      const session: Session = { transaction: null, isGone: false };
      sessions.add(session);
      return {
        async query(config) {
          const does = controls.find((each) => each === config.text);
          if (does !== undefined) {
            return await carry(session, { does, name: does, values: [] }, () => serveControl(store, session, does));
          }
          const { name, values } = askOf(config);
          return await carry(session, statement(name, values), async () => {
            if (session.transaction === null) throw new TypeError('a statement between transactions');
            return await store.run(session.transaction, name, values);
          });
        },
        release: () => void sessions.delete(session),
      };
    },
    async end() {},
    cut() {
      for (const session of [...sessions]) {
        session.isGone = true;
        if (session.transaction !== null) store.rollBack(session.transaction);
      }
      sessions.clear();
    },
  };
}

/** A statement outside of a transaction is a transaction of its own. */
async function serveAlone(store: Store, name: string | undefined, values: readonly unknown[]): Promise<Result> {
  const transaction = store.begin();
  try {
    const result = await store.run(transaction, name, values);
    store.commit(transaction);
    return result;
  } finally {
    store.rollBack(transaction);
  }
}

async function serveControl(store: Store, session: Session, does: Exchange['does']): Promise<Result> {
  const { transaction } = session;
  if (does === 'begin') session.transaction = store.begin();
  else if (transaction !== null) {
    session.transaction = null;
    if (does === 'commit') store.commit(transaction);
    else store.rollBack(transaction);
  }
  return { rows: [], rowCount: 0 };
}

export function connectionLost(): Error {
  return new Error('Connection terminated unexpectedly');
}

type Config = Parameters<ConnectionPool['query']>[0];

function askOf(config: Config): { name: string | undefined; values: readonly unknown[] } {
  return { name: config.name, values: config.values ?? [] };
}

function statement(name: string | undefined, values: readonly unknown[]): Exchange {
  return { does: 'statement', name: name ?? 'without a name', values };
}
