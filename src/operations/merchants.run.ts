import { type Refused, refuse } from '../shared/failure.ts';
import type { Queryable } from '../shared/postgres/client.ts';
import { merchantExists, someMerchants } from './merchants.sql.ts';

/** The merchant that a command is about: the one that was named, else the only one there is. */
export async function chooseMerchant(db: Queryable, named: string | null): Promise<Refused | string> {
  if (named !== null) {
    if (await merchantExists(db, named)) return named;
    return refuse('not_found', `There is no merchant ${named}.`, { path: '--merchant' });
  }
  const [only, ...others] = await someMerchants(db);
  if (only === undefined) return refuse('not_found', 'There is no merchant in this database yet.');
  if (others.length === 0) return only.merchantId;
  const names = [only, ...others].map((each) => each.merchantId).join(', ');
  return refuse('input_invalid', `There are several merchants: name one of ${names} with --merchant.`, {
    path: '--merchant',
  });
}
