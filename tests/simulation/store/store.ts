import { assert, Bug } from '../../../src/shared/assert.ts';
import { keyText, MustWait, refuseOrphans, type Scene, type Tables, undo } from './rows.ts';
import { type Running, RunningStatement } from './running.ts';
import { type AnyRow, type Row, type TableName, tableNames } from './schema.ts';
import { failWith } from './sql-error.ts';
import type { Statement, Statements } from './statement.ts';
import { begin, commit, forgetOlder, newLedger, rollBack, type Transaction, waitFor } from './transactions.ts';

export type Result = { readonly rows: object[]; readonly rowCount: number };

/**
 * A store in memory that stands in for PostgreSQL: the same tables, and each named statement of the project as a
 * function over them. Both pass one contract suite (contract/).
 */
export type Store = {
  begin(): Transaction;
  /** Runs one statement. It waits for rows that others hold, and fails as the server would. */
  run(transaction: Transaction, name: string | undefined, values: readonly unknown[]): Promise<Result>;
  /** False if the transaction had failed and was rolled back. */
  commit(transaction: Transaction): boolean;
  rollBack(transaction: Transaction): void;
  /** Calls back with each payload of the channel that was committed. Returns how to stop. */
  listen(channel: string, onNotice: (payload: string) => void): () => void;
  /** The committed rows of a table, for whoever looks from outside. */
  committed<Name extends TableName>(table: Name): Row<Name>[];
  find<Name extends TableName>(table: Name, key: readonly unknown[]): Row<Name> | null;
  /** Whether a statement waits for rows that others hold. */
  isWaiting(): boolean;
  /** Changes rows from outside, in a transaction of its own that waits for nobody: what is seeded before a run. */
  seed(work: (running: Running) => void): void;
};

export type StoreOptions = {
  readonly nowMs: () => number;
  readonly statements: Statements;
  /** Told of each row that a commit held, as it is now; null for one that is there no more. */
  readonly onCommitted?: (table: TableName, row: AnyRow | null) => void;
};

export function createStore(options: StoreOptions): Store {
  const tables = Object.fromEntries(tableNames.map((name) => [name, new Map()])) as Tables;
  const ledger = newLedger();
  const listeners = new Map<string, Set<(payload: string) => void>>();
  let position = 0n;
  const nextPosition = (): bigint => {
    position += 1n;
    return position;
  };
  const sceneOf = (transaction: Transaction): Scene => {
    return { tables, ledger, transaction, snapshot: ledger.commits, before: new Map(), referring: [], nextPosition };
  };
  const start = () => begin(ledger, new Date(options.nowMs()));

  function commitAndTell(transaction: Transaction): boolean {
    const held = options.onCommitted === undefined ? [] : [...transaction.held];
    if (!commit(ledger, transaction)) return false;
    for (const slot of held) options.onCommitted?.(slot.table, slot.committed);
    for (const { channel, payload } of transaction.notices) {
      for (const listener of listeners.get(channel) ?? []) listener(payload);
    }
    return true;
  }

  return {
    begin: start,
    run(transaction, name, values) {
      const statement = name === undefined ? undefined : options.statements[name];
      if (statement === undefined) throw new Bug(`the store in memory does not know the statement ${name ?? ''}`);
      return perform(sceneOf(transaction), statement, values);
    },
    commit: commitAndTell,
    rollBack: (transaction) => rollBack(ledger, transaction),
    listen(channel, onNotice) {
      const known = listeners.get(channel) ?? new Set();
      listeners.set(channel, known.add(onNotice));
      return () => void known.delete(onNotice);
    },
    committed(table) {
      const rows: AnyRow[] = [];
      for (const { committed } of tables[table].values()) if (committed !== null) rows.push(committed);
      return rows as never;
    },
    find: (table, key) => (tables[table].get(keyText(key))?.committed ?? null) as never,
    isWaiting: () => ledger.lookingBack > 0,
    seed(work) {
      const transaction = start();
      work(new RunningStatement(sceneOf(transaction)));
      assert(commit(ledger, transaction), 'a seed can be committed');
    },
  };
}

/** Runs the statement, and again with the same snapshot each time that it had to wait. */
async function perform(scene: Scene, statement: Statement, values: readonly unknown[]): Promise<Result> {
  const { transaction, ledger } = scene;
  if (transaction.state === 'failed') throw failWith('in_failed_sql_transaction', 'current transaction is aborted');
  let hasWaited = false;
  try {
    for (;;) {
      try {
        const result = statement(new RunningStatement(scene), values);
        refuseOrphans(scene);
        return typeof result === 'number' ? { rows: [], rowCount: result } : { rows: result, rowCount: result.length };
      } catch (thrown) {
        undo(scene);
        if (!(thrown instanceof MustWait)) throw thrown;
        if (!hasWaited) ledger.lookingBack += 1;
        hasWaited = true;
        await waitFor(transaction, thrown.holder);
        if (transaction.state === 'over') throw failWith('admin_shutdown', 'the connection is gone');
      }
    }
  } catch (thrown) {
    if (transaction.state === 'open') transaction.state = 'failed';
    throw thrown;
  } finally {
    if (hasWaited) {
      ledger.lookingBack -= 1;
      forgetOlder(ledger);
    }
  }
}
