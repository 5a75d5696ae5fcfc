import type { Caller } from '../checkout/desk.ts';
import type { Queryable } from '../shared/postgres/client.ts';

/** Who holds this API key, by its SHA-256; null if nobody does or it was revoked. */
export async function findCaller(db: Queryable, apiKeySha256: Uint8Array): Promise<Caller | null> {
  const rows = await db.query<CallerRow>({
    name: 'find-caller',
    text: `
      select callers.merchant_id, callers.caller_id, merchants.currency, merchants.country
        from callers
        join merchants on merchants.merchant_id = callers.merchant_id
       where callers.api_key_sha256 = $1
         and callers.revoked_at is null`,
    values: [Buffer.from(apiKeySha256)],
  });
  const row = rows[0];
  if (row === undefined) return null;
  return { merchantId: row.merchant_id, callerId: row.caller_id, currency: row.currency, country: row.country };
}

type CallerRow = { merchant_id: string; caller_id: string; currency: string; country: string };
