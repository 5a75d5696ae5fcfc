import { Bug, present } from '../../../src/shared/assert.ts';
import { keyText, MustWait, refuseOrphans, type Scene, type Tables, undo } from './rows.ts';
import { type Running, RunningStatement } from './running.ts';
import { type AnyRow, type Row, type TableName, tableNames } from './schema.ts';
import { failWith } from './sql-error.ts';
import type { Statements } from './statement.ts';
import { begin, commit, forgetOlder, newLedger, rollBack, type Transaction, waitFor } from './transactions.ts';

export type Result = { readonly rows: object[]; readonly rowCount: number };

/**
 * A store in memory that stands in for PostgreSQL: the same tables, and each named statement of the project as a
 * function over them. Both pass one contract suite (store-contract.db.test.ts).
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
  /** Changes rows from outside, in a transaction of its own that waits for nobody: what is seeded before a run. */
  seed(work: (running: Running) => void): void;
};

export type StoreOptions = {
  readonly nowMs: () => number;
  readonly statements: Statements;
  /** Told of each row that a commit wrote; null for one that it removed. */
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
    return { tables, ledger, transaction, snapshot: ledger.commits, before: new Map(), referring: [] };
  };
  const start = () => begin(ledger, new Date(options.nowMs()));

  async function run(transaction: Transaction, name: string | undefined, values: readonly unknown[]): Promise<Result> {
    if (transaction.state === 'failed') throw failWith('in_failed_sql_transaction', 'current transaction is aborted');
    const statement = name === undefined ? undefined : options.statements[name];
    if (statement === undefined)
      throw new Bug(`the store in memory does not know the statement ${name ?? 'without name'}`);
    const scene = sceneOf(transaction);
    let hasWaited = false;
    try {
      for (;;) {
        try {
          const result = statement(new RunningStatement(scene, nextPosition), values);
          refuseOrphans(scene);
          return resultOf(result);
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

  function commitAndTell(transaction: Transaction): boolean {
    const written = options.onCommitted === undefined ? [] : [...transaction.held];
    if (!commit(ledger, transaction)) return false;
    for (const slot of written) options.onCommitted?.(slot.table, slot.committed);
    tell(transaction, listeners);
    return true;
  }

  return {
    begin: start,
    run,
    commit: commitAndTell,
    rollBack: (transaction) => rollBack(ledger, transaction),
    listen: (channel, onNotice) => listenTo(listeners, channel, onNotice),
    committed: (table) => committedRows(tables, table) as never,
    find: (table, key) => (tables[table].get(keyText(key))?.committed ?? null) as never,
    seed(work) {
      const transaction = start();
      work(new RunningStatement(sceneOf(transaction), nextPosition));
      present(commit(ledger, transaction) ? true : null, 'a seed that can be committed');
    },
  };
}

function resultOf(result: number | readonly object[]): Result {
  if (typeof result === 'number') return { rows: [], rowCount: result };
  return { rows: [...result], rowCount: result.length };
}

function committedRows(tables: Tables, table: TableName): AnyRow[] {
  const rows: AnyRow[] = [];
  for (const { committed } of tables[table].values()) if (committed !== null) rows.push(committed);
  return rows;
}

/** What a transaction has to say to those who listen is said once it is committed. */
function tell(transaction: Transaction, listeners: ReadonlyMap<string, ReadonlySet<(payload: string) => void>>): void {
  for (const { channel, payload } of transaction.notices) {
    for (const listener of listeners.get(channel) ?? []) listener(payload);
  }
}

function listenTo(
  listeners: Map<string, Set<(payload: string) => void>>,
  channel: string,
  onNotice: (payload: string) => void,
): () => void {
  const known = listeners.get(channel) ?? new Set();
  listeners.set(channel, known.add(onNotice));
  return () => void known.delete(onNotice);
}
