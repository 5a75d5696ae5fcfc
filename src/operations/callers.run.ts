import { createHash } from 'node:crypto';
import { type Refused, refuse } from '../shared/failure.ts';
import { isCurrency } from '../shared/money.ts';
import type { Database } from '../shared/postgres/client.ts';
import type { Secret } from '../shared/secret.ts';
import { writeAudit } from './audit.sql.ts';
import { insertCaller, insertMerchant, revokeCaller } from './callers.sql.ts';
import type { Deed } from './deed.ts';

const idForm = /^[a-z0-9][a-z0-9-]{0,62}$/;

/** Makes a merchant, with the deed on record. */
export async function addMerchant(
  deed: Omit<Deed, 'merchantId'> & { database: Database },
  merchant: { merchantId: string; name: string; currency: string; country: string },
): Promise<Refused | null> {
  const { merchantId, currency, country } = merchant;
  if (!idForm.test(merchantId)) return refuseId('merchant');
  if (!isCurrency(currency))
    return refuse('currency_unsupported', `${currency} is not an ISO 4217 currency, such as GBP.`);
  if (!/^[A-Z]{2}$/.test(country)) {
    return refuse('input_invalid', `${country} is not a country in two capital letters, such as GB.`, {
      path: '--country',
    });
  }
  return await deed.database.transaction(async (tx) => {
    if (!(await insertMerchant(tx, merchant))) {
      return refuse('not_possible_now', `There is a merchant ${merchantId} already.`);
    }
    const entry = { entryId: deed.newId(), merchantId, orderId: null, actor: deed.by };
    await writeAudit(tx, { ...entry, action: 'merchant added', detail: `${currency}, ${country}` });
    return null;
  });
}

/** Makes a caller whose key is shown this once. */
export async function addCaller(
  deed: Deed,
  caller: { callerId: string; name: string; apiKey: Secret },
): Promise<Refused | null> {
  const { merchantId, newId, by: actor } = deed;
  const { callerId, name } = caller;
  if (!idForm.test(callerId)) return refuseId('caller');
  const apiKeySha256 = createHash('sha256').update(caller.apiKey.reveal(), 'utf8').digest();
  return await deed.database.transaction(async (tx) => {
    if (!(await insertCaller(tx, { merchantId, callerId, name, apiKeySha256 }))) {
      return refuse('not_possible_now', `There is a caller ${callerId} already. Revoke it, and add one of another id.`);
    }
    await writeAudit(tx, {
      entryId: newId(),
      merchantId,
      orderId: null,
      actor,
      action: 'caller added',
      detail: callerId,
    });
    return null;
  });
}

/** Ends a caller's key. API processes that have just seen it take it for five seconds more at the most. */
export async function endCaller(deed: Deed, callerId: string): Promise<Refused | null> {
  const { merchantId, newId, by: actor } = deed;
  return await deed.database.transaction(async (tx) => {
    if (!(await revokeCaller(tx, merchantId, callerId))) {
      return refuse('not_found', `${merchantId} has no caller ${callerId} whose key is still good.`);
    }
    await writeAudit(tx, {
      entryId: newId(),
      merchantId,
      orderId: null,
      actor,
      action: 'caller revoked',
      detail: callerId,
    });
    return null;
  });
}

function refuseId(what: string): Refused {
  const form = 'lower case letters, digits and dashes, at most 63, beginning with a letter or digit';
  return refuse('input_invalid', `The id of a ${what} is made of ${form}.`);
}
