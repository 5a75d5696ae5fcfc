import { newUuid } from '../../src/shared/ids.ts';
import type { HttpShop } from '../harness/http-shop.ts';
import type { SeenCheckout, Told } from '../judges/answers.ts';
import type { Violation } from '../judges/judge.ts';
import { inLanes, type Race, raceIn, violationsOf } from './race.ts';

const units = 10;
const askedAgain = 20;

/** Far more buyers than units, who have all seen the goods in stock and pay at the same moment. */
export const tenUnits: Race = {
  name: '500 buyers for 10 units',
  run: (ground) =>
    raceIn(ground, { stock: { SCARCE: units, PLENTY: 1_000_000 }, apis: 2, workers: 1, sweepers: 1 }, async (shop) => {
      const buyers = ground.scale === 'full' ? 500 : 150;
      const opened = await openAll(shop, buyers);
      ground.progress(`ten units: ${opened.length} checkouts are open`);
      const all = await Promise.all(opened.map((each, index) => buy(shop, each, index)));
      const durationsMs = all.map(({ durationMs }) => durationMs).sort((a, b) => a - b);
      return {
        violations: await look(shop, all),
        figures: {
          'buyers for ten units': buyers,
          'p50 of a complete among them, ms': at(durationsMs, 0.5),
          'p99 of a complete among them, ms': at(durationsMs, 0.99),
        },
      };
    }),
};

type Bought = {
  readonly checkout: SeenCheckout;
  readonly key: string;
  readonly told: Told;
  readonly durationMs: number;
  /** Where the scarce goods stand in the cart. */
  readonly line: number;
};

/** Carts hold the scarce goods as their first or their second line, so that the line that is named is looked for. */
async function openAll(shop: HttpShop, buyers: number): Promise<SeenCheckout[]> {
  return await inLanes(16, [...Array(buyers).keys()], async (index) => {
    const lines = index % 2 === 0 ? { SCARCE: 1, PLENTY: 1 } : { PLENTY: 1, SCARCE: 1 };
    const told = await shop
      .buyer(`buyer-${index}`)
      .create({ lines, email: `${newUuid()}@example.com` }, { key: newUuid(), triesMax: 5 });
    if (told.checkout === null) throw new Error(`no checkout was opened: ${JSON.stringify(told.outcome)}`);
    return told.checkout;
  });
}

async function buy(shop: HttpShop, checkout: SeenCheckout, index: number): Promise<Bought> {
  const key = newUuid();
  const startedAt = Date.now();
  const told = await shop
    .buyer(`buyer-${index}`, { api: index % 2, timeoutMs: 60_000 })
    .complete(checkout, { key, token: 'tok_ok', triesMax: 20 });
  return { checkout, key, told, durationMs: Date.now() - startedAt, line: index % 2 };
}

async function look(shop: HttpShop, all: readonly Bought[]): Promise<Violation[]> {
  const committed = all.filter(({ told }) => told.outcome.kind === 'ok').length;
  const refused = all.filter(({ told }) => told.outcome.kind === 'refused' && told.outcome.code === 'out_of_stock');
  const looked = refused.slice(0, askedAgain);
  const lines = await inLanes(8, looked, (each) => lineNamed(shop, each));
  return violationsOf(
    3,
    `${all.length} buyers for ${units} units`,
    committed !== units && `${committed} orders were committed for ${units} units`,
    refused.length !== all.length - units && `${refused.length} were told that it is out of stock`,
    lines.length < askedAgain && `only ${lines.length} refusals were looked at`,
    lines.some((line, index) => line !== `$.line_items[${looked[index]?.line}]`) &&
      `the lines that are named: ${lines.join(', ')}`,
  );
}

/** Asks again under the key, which is answered as the first time, for the line that the answer names. */
async function lineNamed(shop: HttpShop, { checkout, key }: Bought): Promise<string> {
  const instrument = {
    id: 'card',
    handler_id: 'simulated',
    type: 'card',
    selected: true,
    credential: { type: 'token', token: 'tok_ok' },
  };
  const response = await fetch(
    `${shop.apis[1]}/ucp/v2026-04-08/checkout-sessions/chk_${checkout.checkoutId}/complete`,
    {
      method: 'POST',
      headers: { 'x-api-key': 'key-shop', 'idempotency-key': key, 'content-type': 'application/json' },
      body: JSON.stringify({ payment: { instruments: [instrument] } }),
      signal: AbortSignal.timeout(30_000),
    },
  );
  const body = (await response.json()) as { messages?: { code?: string; path?: string }[] };
  return body.messages?.find(({ code }) => code === 'out_of_stock')?.path ?? 'none';
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
