import { present } from '../../../src/shared/assert.ts';
import { checked, duplicate, filled, immutable, isAlike, orphan } from './constraints.ts';
import { type AnyRow, type AnyTable, definitions, type TableName } from './schema.ts';
import { failWith } from './sql-error.ts';
import { idOf, type Ledger, type Slot, type Transaction } from './transactions.ts';

export type Tables = { readonly [Name in TableName]: Map<string, Slot> };

/** A statement under way. */
export type Scene = {
  readonly tables: Tables;
  readonly ledger: Ledger;
  readonly transaction: Transaction;
  /** The number of the latest commit that it sees. */
  readonly snapshot: number;
  /** What it has written over: so it does not see what it writes itself, and can be undone. */
  readonly before: Map<Slot, AnyRow | null | undefined>;
  /** Rows whose foreign keys are looked at when the statement is over. */
  readonly referring: { readonly table: AnyTable; readonly row: AnyRow }[];
  readonly nextPosition: () => bigint;
};

/** Thrown out of a statement that must wait for a transaction; it is run again after that, with the same snapshot. */
export class MustWait {
  readonly holder: Transaction;
  constructor(holder: Transaction) {
    this.holder = holder;
  }
}

export type Where = { readonly key?: readonly unknown[]; is?(row: AnyRow): boolean };

export type Locking = {
  by?(left: AnyRow, right: AnyRow): number;
  readonly limit?: number;
  readonly skipLocked?: boolean;
};

export type OnConflict = 'nothing' | { readonly on: string; update?(row: AnyRow): AnyRow | null };

/** The unique key that every table has; `on conflict` may name it. */
export const primaryKey = 'primary';

/** What the statement sees: what was committed when it began, and what its own transaction wrote before it. */
export function seen(scene: Scene, table: TableName, { key, is }: Where): [Slot, AnyRow][] {
  const found: [Slot, AnyRow][] = [];
  const home = scene.tables[table];
  const one = key === undefined ? undefined : home.get(keyText(key));
  const slots = key === undefined ? home.values() : one === undefined ? [] : [one];
  for (const slot of slots) {
    const row = seenRow(scene, slot);
    if (row !== null && (is === undefined || is(row))) found.push([slot, row]);
  }
  return found;
}

function seenRow({ transaction, snapshot, before }: Scene, slot: Slot): AnyRow | null {
  if (slot.holder === transaction) {
    const draft = before.has(slot) ? before.get(slot) : slot.draft;
    if (draft !== undefined) return draft;
  }
  const past = slot.older.find(({ until }) => snapshot < until);
  return past === undefined ? slot.committed : past.row;
}

/** The row as it stands now, whatever the statement's snapshot: what locks and unique keys look at. */
function standing(transaction: Transaction, slot: Slot): AnyRow | null {
  return slot.holder === transaction && slot.draft !== undefined ? slot.draft : slot.committed;
}

/** A row that the transaction holds. */
export function held(scene: Scene, slot: Slot): AnyRow {
  return present(standing(scene.transaction, slot), 'a row that is held');
}

/** Locks what the statement sees, one row after the other. A row that changed meanwhile must still be asked for. */
export function lock(scene: Scene, table: TableName, where: Where, { by, limit, skipLocked }: Locking): Slot[] {
  const candidates = seen(scene, table, where);
  if (by !== undefined) candidates.sort(([, left], [, right]) => by(left, right));
  const locked: Slot[] = [];
  for (const [slot, row] of candidates) {
    if (limit !== undefined && locked.length >= limit) break;
    // What the statement itself has written is not looked at again.
    if (scene.before.has(slot)) continue;
    if (isHeldByAnother(scene, slot)) {
      if (skipLocked === true) continue;
      throw new MustWait(present(slot.holder, 'a holder'));
    }
    const now = standing(scene.transaction, slot);
    if (now === null || (now !== row && where.is?.(now) === false)) continue;
    hold(scene, slot);
    locked.push(slot);
  }
  return locked;
}

function isHeldByAnother({ transaction }: Scene, { holder }: Slot): boolean {
  return holder !== null && holder !== transaction;
}

function hold({ ledger, transaction }: Scene, slot: Slot): void {
  idOf(ledger, transaction);
  slot.holder = transaction;
  transaction.held.add(slot);
}

function put(scene: Scene, slot: Slot, draft: AnyRow | null): void {
  if (scene.before.has(slot)) throw failWith('cardinality_violation', 'a row is affected twice by one statement');
  scene.before.set(slot, slot.holder === scene.transaction ? slot.draft : undefined);
  hold(scene, slot);
  slot.draft = draft;
}

export function update(scene: Scene, name: TableName, where: Where, change: (row: AnyRow) => AnyRow): AnyRow[] {
  return lock(scene, name, where, {}).map((slot) => {
    const row = held(scene, slot);
    return rewrite(scene, definitions[name], slot, { ...row, ...change(row) });
  });
}

function rewrite(scene: Scene, table: AnyTable, slot: Slot, row: AnyRow): AnyRow {
  if (table.never.includes('update')) throw immutable(table);
  checked(table, row);
  const clash = clashOf(scene, table, row, slot);
  if (clash !== null) throw duplicate(clash.name);
  put(scene, slot, row);
  return row;
}

export function remove(scene: Scene, name: TableName, where: Where): AnyRow[] {
  if (definitions[name].never.includes('delete')) throw immutable(definitions[name]);
  return lock(scene, name, where, {}).map((slot) => {
    const row = held(scene, slot);
    put(scene, slot, null);
    return row;
  });
}

/** The new row; that which an update of the row in its way made of it; or null if nothing was to be done then. */
export function insert(scene: Scene, name: TableName, given: AnyRow, onConflict?: OnConflict): AnyRow | null {
  const table = definitions[name];
  const row = checked(table, filled(table, given, scene.transaction.now));
  const clash = clashOf(scene, table, row, null);
  if (clash === null) {
    const home = scene.tables[name];
    const key = keyText(table.key.map((column) => row[column]));
    const slot = home.get(key) ?? {
      table: name,
      home,
      key,
      committed: null,
      older: [],
      holder: null,
      draft: undefined,
    };
    home.set(key, slot);
    put(scene, slot, row);
    scene.referring.push({ table, row });
    return row;
  }
  if (onConflict === 'nothing') return null;
  if (onConflict === undefined || onConflict.on !== clash.name) throw duplicate(clash.name);
  if (onConflict.update === undefined) return null;
  if (isHeldByAnother(scene, clash.slot)) throw new MustWait(present(clash.slot.holder, 'a holder'));
  const existing = held(scene, clash.slot);
  const change = onConflict.update(existing);
  hold(scene, clash.slot);
  return change === null ? null : rewrite(scene, table, clash.slot, { ...existing, ...change });
}

/** The row that has one of this row's unique keys already. While somebody else writes such a row, nobody can say. */
function clashOf(scene: Scene, table: AnyTable, row: AnyRow, except: Slot | null): { slot: Slot; name: string } | null {
  const home = scene.tables[table.name];
  const primary = home.get(keyText(table.key.map((column) => row[column])));
  if (primary !== undefined && primary !== except && isThere(scene, primary, () => true)) {
    return { slot: primary, name: primaryKey };
  }
  for (const { name, columns, holds } of table.unique) {
    if (!holds(row)) continue;
    for (const slot of home.values()) {
      if (slot === except) continue;
      if (isThere(scene, slot, (other) => isAlike(columns, other, row) && holds(other))) return { slot, name };
    }
  }
  return null;
}

function isThere(scene: Scene, slot: Slot, isMeant: (row: AnyRow) => boolean): boolean {
  const { holder, draft, committed } = slot;
  if (holder !== null && isHeldByAnother(scene, slot) && draft !== undefined) {
    if ([draft, committed].some((each) => each !== null && isMeant(each))) throw new MustWait(holder);
    return false;
  }
  const now = standing(scene.transaction, slot);
  return now !== null && isMeant(now);
}

/**
 * The end of a statement: what its new rows refer to must be there. A foreign key takes no lock here: in the simulated
 * rooms whoever refers to a row holds it, or nobody locks it.
 */
export function refuseOrphans(scene: Scene): void {
  for (const { table, row } of scene.referring) {
    for (const { columns, table: parent } of table.references) {
      const key = columns.map((column) => row[column]);
      const slot = key.includes(null) ? null : scene.tables[parent].get(keyText(key));
      if (slot === undefined || (slot !== null && !isThere(scene, slot, () => true))) throw orphan(table, parent);
    }
  }
}

export function undo({ before, referring, transaction }: Scene): void {
  referring.length = 0;
  for (const [slot, draft] of before) {
    slot.draft = draft;
    // A row that was new in the statement is nowhere again.
    if (draft === undefined && slot.committed === null && slot.older.length === 0) {
      transaction.held.delete(slot);
      slot.home.delete(slot.key);
    }
  }
  before.clear();
}

/** A primary key as the text under which its row is found. */
export function keyText(key: readonly unknown[]): string {
  return key.length === 1 ? String(key[0]) : key.join('\u0000');
}
