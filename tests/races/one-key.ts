import { newUuid } from '../../src/shared/ids.ts';
import type { HttpShop } from '../harness/http-shop.ts';
import type { Violation } from '../judges/judge.ts';
import { type Race, raceIn, violationsOf } from './race.ts';

const buyersMax = 64;

/** 64 buyers with one key, at two API instances over one database. */
export const oneKey: Race = {
  name: '64 buyers with one key',
  run: (ground) =>
    raceIn(ground, { stock: { PLENTY: 1_000_000 }, apis: 2, workers: 1, sweepers: 1 }, async (shop) => {
      const rounds = ground.scale === 'full' ? 25 : 2;
      const violations: Violation[] = [];
      for (let round = 0; round < rounds; round += 1) {
        violations.push(...(await oneRound(shop, round)));
        ground.progress(`one key: round ${round + 1} of ${rounds}`);
      }
      return { violations, figures: { 'rounds of 64 buyers with one key': rounds } };
    }),
};

async function oneRound(shop: HttpShop, round: number): Promise<Violation[]> {
  const opened = await shop
    .buyer(`opener-${round}`)
    .create({ lines: { PLENTY: 2 }, email: `${newUuid()}@example.com` }, { key: newUuid() });
  const { checkout } = opened;
  if (checkout === null) throw new Error(`no checkout was opened: ${JSON.stringify(opened.outcome)}`);
  const key = newUuid();
  const answers = await Promise.all(
    Array.from({ length: buyersMax }, (_, index) =>
      shop
        .buyer(`buyer-${round}-${index}`, { api: index % 2 })
        .complete(checkout, { key, token: 'tok_ok', triesMax: 20 }),
    ),
  );
  const contents = new Set(
    answers.map(({ outcome }) => ('answerSha256' in outcome ? outcome.answerSha256 : 'unknown')),
  );
  const orders = await shop.database.query<{ id: string }>({
    text: 'select order_id as id from orders where checkout_id = $1 limit 10',
    values: [checkout.checkoutId],
  });
  const named = answers.flatMap(({ outcome }) => (outcome.kind === 'ok' ? (outcome.orderId ?? []) : []));
  return violationsOf(
    1,
    `key ${key}`,
    contents.size !== 1 && `${buyersMax} buyers with one key were given ${contents.size} answers`,
    orders.length !== 1 && `${orders.length} orders were made under one key`,
    named.length !== buyersMax && `only ${named.length} of ${buyersMax} were told of the order`,
    named.some((id) => id !== orders[0]?.id) && 'another order was named than the one that is there',
  );
}
