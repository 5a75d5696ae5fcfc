import { assert } from '../../../src/shared/assert.ts';
import { after } from '../../../src/shared/clock.ts';
import type { AnyRow, TableName } from './schema.ts';
import { failWith } from './sql-error.ts';

/**
 * One row under its primary key. A transaction that locks or writes it holds it until its end; what it wrote is its
 * draft until then, which nobody else sees.
 */
export type Slot = {
  readonly table: TableName;
  readonly home: Map<string, Slot>;
  readonly key: string;
  /** As the latest commit left it; null where there is none, or none any more. */
  committed: AnyRow | null;
  /** What it was before each of the latest commits. Kept only while a statement waits whose snapshot is older. */
  readonly older: { readonly until: number; readonly row: AnyRow | null }[];
  holder: Transaction | null;
  /** Undefined while the holder has locked the row and not written it. */
  draft: AnyRow | null | undefined;
};

export type Transaction = {
  /** The time at its beginning, which is what now() gives until its end. */
  readonly now: Date;
  state: 'open' | 'failed' | 'over';
  /** Given when it first locks or writes something. */
  id: bigint | null;
  readonly held: Set<Slot>;
  /** Advisory locks. */
  readonly turns: Set<string>;
  /** Sent when it commits. */
  readonly notices: { readonly channel: string; readonly payload: string }[];
  waitsFor: Transaction | null;
  /** Called at its end. */
  readonly waiters: (() => void)[];
  /** Ends its own waiting, because its connection is gone. */
  stopWaiting: (() => void) | null;
};

/** What holds for all tables together: who is under way, and which commit was the latest. */
export type Ledger = {
  readonly open: Set<Transaction>;
  commits: number;
  nextId: bigint;
  /** Statements that have waited and look at the rows as they were before that. */
  lookingBack: number;
  readonly kept: Set<Slot>;
  readonly turns: Map<string, Transaction>;
};

export function newLedger(): Ledger {
  return { open: new Set(), commits: 0, nextId: 1_000n, lookingBack: 0, kept: new Set(), turns: new Map() };
}

/** As lock_timeout of the client says. */
const lockTimeoutMs = 10_000;

export function begin(ledger: Ledger, now: Date): Transaction {
  const transaction: Transaction = {
    now,
    state: 'open',
    id: null,
    held: new Set(),
    turns: new Set(),
    notices: [],
    waitsFor: null,
    waiters: [],
    stopWaiting: null,
  };
  ledger.open.add(transaction);
  return transaction;
}

export function idOf(ledger: Ledger, transaction: Transaction): bigint {
  if (transaction.id === null) {
    transaction.id = ledger.nextId;
    ledger.nextId += 1n;
  }
  return transaction.id;
}

/** The oldest id that is under way, or else the next one: everything below has ended. */
export function oldestId(ledger: Ledger): bigint {
  let oldest = ledger.nextId;
  for (const { id } of ledger.open) if (id !== null && id < oldest) oldest = id;
  return oldest;
}

/** Makes all drafts of the transaction the truth, at once. One that has failed is rolled back, as by PostgreSQL. */
export function commit(ledger: Ledger, transaction: Transaction): boolean {
  assert(transaction.state !== 'over', 'a transaction ends once');
  if (transaction.state === 'failed') {
    rollBack(ledger, transaction);
    return false;
  }
  ledger.commits += 1;
  for (const slot of transaction.held) {
    if (slot.draft === undefined) continue;
    if (ledger.lookingBack > 0) {
      slot.older.push({ until: ledger.commits, row: slot.committed });
      ledger.kept.add(slot);
    }
    slot.committed = slot.draft;
  }
  end(ledger, transaction);
  return true;
}

export function rollBack(ledger: Ledger, transaction: Transaction): void {
  if (transaction.state !== 'over') end(ledger, transaction);
}

function end(ledger: Ledger, transaction: Transaction): void {
  transaction.state = 'over';
  ledger.open.delete(transaction);
  for (const slot of transaction.held) release(slot);
  for (const turn of transaction.turns) ledger.turns.delete(turn);
  transaction.stopWaiting?.();
  for (const waiter of transaction.waiters) waiter();
}

/** Lets go of a row; one that is nowhere any more is forgotten. */
export function release(slot: Slot): void {
  slot.holder = null;
  slot.draft = undefined;
  if (slot.committed === null && slot.older.length === 0) slot.home.delete(slot.key);
}

/** Forgets what nobody looks back to. */
export function forgetOlder(ledger: Ledger): void {
  if (ledger.lookingBack > 0) return;
  for (const slot of ledger.kept) {
    slot.older.length = 0;
    if (slot.holder === null) release(slot);
  }
  ledger.kept.clear();
}

/** Waits until the holder has ended. Fails on a circle of waiting, as the server does, and when it takes too long. */
export async function waitFor(transaction: Transaction, holder: Transaction): Promise<void> {
  for (let next: Transaction | null = holder; next !== null; next = next.waitsFor) {
    if (next === transaction) throw failWith('deadlock_detected', 'deadlock detected');
  }
  transaction.waitsFor = holder;
  const how = await new Promise<'ended' | 'late'>((resolve) => {
    const forget = after(lockTimeoutMs, () => resolve('late'));
    const go = (): void => {
      forget();
      resolve('ended');
    };
    holder.waiters.push(go);
    transaction.stopWaiting = go;
  });
  transaction.waitsFor = null;
  transaction.stopWaiting = null;
  if (how === 'late') throw failWith('lock_not_available', 'canceling statement due to lock timeout');
}
