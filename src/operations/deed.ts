import type { NewId } from '../shared/ids.ts';
import type { Database } from '../shared/postgres/client.ts';

/** What every change that a person makes needs: where, whose, and who does it. */
export type Deed = {
  readonly database: Database;
  readonly merchantId: string;
  readonly newId: NewId;
  /** The operator's name, for the audit trail. 1 to 255 characters. */
  readonly by: string;
};
