import type { Queryable } from '../shared/postgres/client.ts';

/** Makes a merchant. False if there is one of this id. */
export async function insertMerchant(
  db: Queryable,
  merchant: { merchantId: string; name: string; currency: string; country: string },
): Promise<boolean> {
  const made = await db.execute({
    text: `
      insert into merchants (merchant_id, name, currency, country) values ($1, $2, $3, $4)
      on conflict do nothing`,
    values: [merchant.merchantId, merchant.name, merchant.currency, merchant.country],
  });
  return made === 1;
}

export type CallerRow = {
  readonly callerId: string;
  readonly name: string;
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
};

/** The callers of a merchant, in the order of their ids; at most 1,000. */
export async function listCallers(db: Queryable, merchantId: string): Promise<CallerRow[]> {
  return await db.query<CallerRow>({
    text: `
      select caller_id as "callerId", name, created_at as "createdAt", revoked_at as "revokedAt" from callers
      where merchant_id = $1
      order by caller_id
      limit 1000`,
    values: [merchantId],
  });
}

/** Makes a caller; only the hash of its key is kept. False if there is one of this id. */
export async function insertCaller(
  db: Queryable,
  caller: { merchantId: string; callerId: string; name: string; apiKeySha256: Uint8Array },
): Promise<boolean> {
  const made = await db.execute({
    text: `
      insert into callers (merchant_id, caller_id, name, api_key_sha256) values ($1, $2, $3, $4)
      on conflict (merchant_id, caller_id) do nothing`,
    values: [caller.merchantId, caller.callerId, caller.name, Buffer.from(caller.apiKeySha256)],
  });
  return made === 1;
}

/** Revokes a caller's key. False if there is no such caller whose key is still good. */
export async function revokeCaller(db: Queryable, merchantId: string, callerId: string): Promise<boolean> {
  const revoked = await db.execute({
    text: `
      update callers set revoked_at = now()
      where merchant_id = $1 and caller_id = $2 and revoked_at is null`,
    values: [merchantId, callerId],
  });
  return revoked === 1;
}
