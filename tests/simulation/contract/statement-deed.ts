import type { NewId } from '../../../src/shared/ids.ts';
import type { Transaction } from '../../../src/shared/postgres/client.ts';
import type { Draws } from './draws.ts';

/** One statement, or one after another that it needs, with values that are drawn once for both stores. */
export type StatementDeed = (draws: Draws) => (tx: Transaction, newId: NewId) => Promise<unknown>;
