import { present } from '../../../src/shared/assert.ts';
import { held, insert, lock, MustWait, remove, type Scene, seen, update } from './rows.ts';
import type { NewRow, Row, TableName } from './schema.ts';
import { idOf, oldestId } from './transactions.ts';

/** Which rows: the one with this primary key, or all; of them those that `is` holds of. */
export type WhereIn<Name extends TableName> = { readonly key?: readonly unknown[]; is?(row: Row<Name>): boolean };

export type LockingOf<Name extends TableName> = {
  /** The order in which they are locked. */
  by?(left: Row<Name>, right: Row<Name>): number;
  readonly limit?: number;
  readonly skipLocked?: boolean;
};

/** What an insert does with a row in its way, found by this key. Without an update, or with null: nothing. */
export type OnConflictIn<Name extends TableName> =
  | 'nothing'
  | { readonly on: string; update?(row: Row<Name>): Partial<Row<Name>> | null };

/**
 * A statement while it runs, in the terms of SQL at READ COMMITTED. It sees what was committed when it began and what
 * its transaction wrote before it; it does not see what it writes itself, as the parts of one `with` do not see each
 * other. What it locks or changes it takes as it stands now, waiting for whoever holds it.
 */
export type Running = {
  readonly now: Date;
  rows<Name extends TableName>(table: Name, where?: WhereIn<Name>): Row<Name>[];
  row<Name extends TableName>(table: Name, key: readonly unknown[]): Row<Name> | null;
  lock<Name extends TableName>(table: Name, where: WhereIn<Name>, locking?: LockingOf<Name>): Row<Name>[];
  update<Name extends TableName>(
    table: Name,
    where: WhereIn<Name>,
    change: (row: Row<Name>) => Partial<Row<Name>>,
  ): Row<Name>[];
  remove<Name extends TableName>(table: Name, where: WhereIn<Name>): Row<Name>[];
  insert<Name extends TableName>(table: Name, row: NewRow<Name>, onConflict?: OnConflictIn<Name>): Row<Name> | null;
  transactionId(): bigint;
  /** Every transaction with a lower id has ended. */
  oldestTransactionId(): bigint;
  /** The next number of the identity column of domain_events; a number that was given is never given again. */
  nextPosition(): bigint;
  /** An advisory lock until the end of the transaction; false if another one has it. */
  takeTurn(name: string): boolean;
  /** The same, waiting for whoever has it. It gives the transaction no id. */
  awaitTurn(name: string): void;
  /** Sent when the transaction commits. */
  notify(channel: string, payload: string): void;
};

/**
 * The rows of each table have the types that the table gives them, which is said here once for all of them. A class,
 * because one is made for each statement: a dozen closures for each were a tenth of a world's time.
 */
export class RunningStatement implements Running {
  readonly #scene: Scene;
  constructor(scene: Scene) {
    this.#scene = scene;
  }
  nextPosition(): bigint {
    return this.#scene.nextPosition();
  }
  get now(): Date {
    return this.#scene.transaction.now;
  }
  rows<Name extends TableName>(table: Name, where: WhereIn<Name> = {}): Row<Name>[] {
    return seen(this.#scene, table, where as never).map(([, row]) => row) as never;
  }
  row<Name extends TableName>(table: Name, key: readonly unknown[]): Row<Name> | null {
    return (seen(this.#scene, table, { key })[0]?.[1] ?? null) as never;
  }
  lock<Name extends TableName>(table: Name, where: WhereIn<Name>, locking: LockingOf<Name> = {}): Row<Name>[] {
    const slots = lock(this.#scene, table, where as never, locking as never);
    return slots.map((slot) => held(this.#scene, slot)) as never;
  }
  update<Name extends TableName>(
    table: Name,
    where: WhereIn<Name>,
    change: (row: Row<Name>) => Partial<Row<Name>>,
  ): Row<Name>[] {
    return update(this.#scene, table, where as never, change as never) as never;
  }
  remove<Name extends TableName>(table: Name, where: WhereIn<Name>): Row<Name>[] {
    return remove(this.#scene, table, where as never) as never;
  }
  insert<Name extends TableName>(table: Name, row: NewRow<Name>, onConflict?: OnConflictIn<Name>): Row<Name> | null {
    return insert(this.#scene, table, row, onConflict as never) as never;
  }
  transactionId(): bigint {
    return idOf(this.#scene.ledger, this.#scene.transaction);
  }
  oldestTransactionId(): bigint {
    return oldestId(this.#scene.ledger);
  }
  takeTurn(name: string): boolean {
    const { ledger, transaction } = this.#scene;
    const owner = ledger.turns.get(name) ?? transaction;
    if (owner !== transaction) return false;
    ledger.turns.set(name, transaction);
    transaction.turns.add(name);
    return true;
  }
  awaitTurn(name: string): void {
    if (!this.takeTurn(name)) throw new MustWait(present(this.#scene.ledger.turns.get(name), 'who has the turn'));
  }
  notify(channel: string, payload: string): void {
    this.#scene.transaction.notices.push({ channel, payload });
  }
}
