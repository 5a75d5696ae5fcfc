import { newUuid } from '../../src/shared/ids.ts';
import { pick, type Random } from '../harness/chance.ts';
import type { HttpShop } from '../harness/http-shop.ts';

/** Goods of which there is always enough, so that a refusal for stock does not thin the load. */
export const plenty = { BREAD: 1_000_000, TEA: 1_000_000, SALT: 1_000_000 } as const;

/** Most pay at once. Some are declined, some lose the answer of the provider, so that every kind of write is hit. */
const tokens = ['tok_ok', 'tok_ok', 'tok_ok', 'tok_ok', 'tok_card_declined', 'tok_ok.act_and_cut'] as const;

/** Longer than any recovery, so that a buyer learns in the end what became of a call whose answer was lost. */
const persistence = { triesMax: 100, pauseMs: 250 } as const;
/** A buyer's patience with a server whose database has gone: short, so that the call is made again under its key. */
const answerWithinMs = 3_000;

/** Buyers who commit one order after the other until stopped, each again under its key until it is answered. */
export function startBuyers(shop: HttpShop, count: number, random: Random): { stop(): Promise<void> } {
  let isOver = false;
  const buyers = Array.from({ length: count }, async (_, index) => {
    const client = shop.buyer(`buyer-${index}`, { timeoutMs: answerWithinMs });
    while (!isOver) {
      const lines = { [pick(random, Object.keys(plenty))]: 1 + Math.floor(random() * 3) };
      // One buyer who ordered that often would be held by the fraud screen.
      const email = `${newUuid()}@example.com`;
      const { checkout } = await client.create({ lines, email }, { ...persistence, key: newUuid() });
      if (checkout === null) continue;
      await client.complete(checkout, { ...persistence, key: newUuid(), token: pick(random, tokens) });
      await new Promise((resolve) => setTimeout(resolve, thinkMsMax * random()));
    }
  });
  return {
    async stop() {
      isOver = true;
      await Promise.all(buyers);
    },
  };
}

/** Keeps two cores busy with buyers, workers and recoveries alike, and the backlog of the workers short. */
const thinkMsMax = 300;
