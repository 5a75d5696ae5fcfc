import { buildApi } from '../../src/main/wiring.ts';
import { sleepingWaker } from '../../src/messaging/waker.ts';
import type { Inbound } from '../../src/shared/inbound.ts';
import { silentLogger } from '../../src/shared/log.ts';
import { Secret } from '../../src/shared/secret.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';
import { seedShop } from '../harness/shop.ts';
import { type Answer, type Ask, callAs } from './test-storefront.ts';

export type RealStorefront = {
  readonly url: string;
  readonly inbound: Inbound;
  readonly scratch: TestDatabase;
  /** Calls with the key of the seeded shop, or another. */
  call(method: string, path: string, ask?: Ask, key?: string): Promise<Answer>;
  stop(): Promise<void>;
};

/** The API as it is wired for production, on a database of its own with the given stock. */
export async function startRealStorefront(
  stock: Readonly<Record<string, number>>,
  options: { publicMerchantId?: string } = {},
): Promise<RealStorefront> {
  const scratch = await createTestDatabase();
  await seedShop(scratch.database, stock);
  const inbound = buildApi(
    { database: scratch.database, waker: sleepingWaker, log: silentLogger },
    {
      publicUrl: 'http://localhost:8080',
      shopUrl: 'https://shop.example',
      publicMerchantId: options.publicMerchantId ?? null,
      webhookSources: [{ provider: 'simulated', secrets: [new Secret(`whsec_${'c2VjcmV0'.repeat(4)}`)] }],
    },
  );
  const url = await inbound.server.listen({ host: '127.0.0.1', port: 0 });
  return {
    url,
    inbound,
    scratch,
    call: (method, path, ask = {}, key = 'key-shop') => callAs(key, url, method, path, ask),
    stop: async () => {
      await inbound.drain(1000);
      await scratch.drop();
    },
  };
}
