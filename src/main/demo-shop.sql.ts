import type { Queryable } from '../shared/postgres/client.ts';

/**
 * The merchant of `npm start`, and the key with which its shop calls. Known to everybody: for trying out, on
 * loopback.
 */
export const demoMerchant = { merchantId: 'demo', callerId: 'shop', apiKey: 'demo-key' } as const;

/** Makes the demo merchant and its caller, once. */
export async function seedDemoShop(db: Queryable): Promise<void> {
  await db.execute({
    text: `
      with merchant as (
        insert into merchants (merchant_id, name, currency, country) values ($1, 'Demo shop', 'GBP', 'GB')
        on conflict do nothing
      )
      insert into callers (merchant_id, caller_id, name, api_key_sha256)
      select $1, $2, 'Demo shop front', sha256(convert_to($3, 'UTF8'))
      on conflict do nothing`,
    values: [demoMerchant.merchantId, demoMerchant.callerId, demoMerchant.apiKey],
  });
}

export async function countProducts(db: Queryable, merchantId: string): Promise<number> {
  const rows = await db.query<{ count: number }>({
    text: 'select count(*)::integer as count from products where merchant_id = $1',
    values: [merchantId],
  });
  return rows[0]?.count ?? 0;
}
