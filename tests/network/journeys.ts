import { recordCount } from '../../src/operations/count.run.ts';
import { reviewOrder } from '../../src/operations/review.run.ts';
import { isRefused } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { eventually, merchantId } from '../harness/shop.ts';
import type { SeenCheckout, Told } from '../judges/answers.ts';
import type { CompleteAsk, RecordingClient } from '../judges/recording-client.ts';
import type { Lane } from './lane.ts';

export const journeys = [
  'buy',
  'decline',
  'out of stock',
  'cancelled session',
  'fraud hold, accepted',
  'unknown authorisation',
] as const;
export type Journey = (typeof journeys)[number];

export type Buyer = { readonly lane: Lane; readonly client: RecordingClient; readonly name: string };

/** A buyer's way. What is prepared is prepared while all is well; `act` meets the fault. */
export type Way = {
  prepare(buyer: Buyer): Promise<SeenCheckout>;
  act(buyer: Buyer, checkout: SeenCheckout, ask: CompleteAsk): Promise<Told>;
  readonly token: string;
  readonly billingCountry?: string;
};

/** A real caller's: under the same key until there is an answer. */
const persistence = { triesMax: 40, pauseMs: 150 } as const;

export function askOf(journey: Journey): CompleteAsk {
  const { token, billingCountry } = ways[journey];
  return {
    key: newUuid(),
    token,
    waitSeconds: 1,
    ...persistence,
    ...(billingCountry === undefined ? {} : { billingCountry }),
  };
}

const buys = async ({ client }: Buyer, checkout: SeenCheckout, ask: CompleteAsk): Promise<Told> =>
  await client.complete(checkout, ask);

const plain = { prepare: (buyer: Buyer) => open(buyer, { PLENTY: 2 }), act: buys };

export const ways: Readonly<Record<Journey, Way>> = {
  buy: { ...plain, token: 'tok_ok' },
  decline: { ...plain, token: 'tok_card_declined' },
  'out of stock': {
    // The last unit is seen by the buyer, and counted away before the buyer commits.
    async prepare(buyer) {
      await count(buyer.lane, 1n);
      const checkout = await open(buyer, { LAST: 1 });
      await count(buyer.lane, 0n);
      return checkout;
    },
    act: buys,
    token: 'tok_ok',
  },
  'cancelled session': {
    ...plain,
    async act({ client }, checkout, ask) {
      await client.cancel(checkout.checkoutId, { key: newUuid(), ...persistence });
      return await client.complete(checkout, ask);
    },
    token: 'tok_ok',
  },
  'fraud hold, accepted': {
    prepare: (buyer) => open(buyer, { PLENTY: 200 }),
    async act(buyer, checkout, ask) {
      const told = buyer.client.complete(checkout, ask);
      await Promise.all([told, acceptOnceHeld(buyer.lane, checkout.checkoutId)]);
      return await told;
    },
    token: 'tok_ok',
    billingCountry: 'FR',
  },
  'unknown authorisation': { ...plain, token: 'tok_ok.act_and_cut' },
};

async function open({ client, name }: Buyer, lines: Readonly<Record<string, number>>): Promise<SeenCheckout> {
  const email = `${name.replaceAll(/[^a-z0-9]+/gi, '-')}@example.com`;
  const { checkout, outcome } = await client.create({ lines, email }, { key: newUuid(), ...persistence });
  if (checkout === null) throw new Error(`no checkout while all was well: ${JSON.stringify(outcome, plainValue)}`);
  return checkout;
}

async function count({ database }: Lane, onHandUnits: bigint): Promise<void> {
  const deed = { database, merchantId, newId: newUuid, by: 'storekeeper' };
  const counted = await recordCount(deed, { sku: 'LAST', onHandUnits, reason: 'counted' });
  if (isRefused(counted)) throw new Error(counted.message);
}

/** The person in front of the inbox, who reaches the database past all faults. */
async function acceptOnceHeld({ database }: Lane, checkoutId: string): Promise<void> {
  const orderId = await eventually(
    'the order is held',
    async () => {
      const [held] = await database.query<{ id: string }>({
        text: `select order_id as id from orders where checkout_id = $1 and status = 'on_hold'`,
        values: [checkoutId],
      });
      return held?.id ?? null;
    },
    15_000,
  );
  const deed = { database, merchantId, newId: newUuid, by: 'reviewer' };
  const reviewed = await reviewOrder(deed, { orderId, verdict: 'accept', owner: 'operations' });
  if (isRefused(reviewed)) throw new Error(reviewed.message);
}

const plainValue = (_key: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);
