import type { Queryable } from '../shared/postgres/client.ts';

/** The first merchants in order of their ids: enough to name them to a person who has to choose. */
export async function someMerchants(db: Queryable): Promise<{ merchantId: string }[]> {
  return await db.query({
    text: 'select merchant_id as "merchantId" from merchants order by merchant_id limit 20',
  });
}

export async function merchantExists(db: Queryable, merchantId: string): Promise<boolean> {
  const rows = await db.query({ text: 'select 1 from merchants where merchant_id = $1', values: [merchantId] });
  return rows.length === 1;
}
