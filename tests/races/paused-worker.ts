import type { QueueName } from '../../src/messaging/queues.ts';
import { newUuid } from '../../src/shared/ids.ts';
import type { HttpShop } from '../harness/http-shop.ts';
import type { Violation } from '../judges/judge.ts';
import { type CallStopper, type Fate, fates, startCallStopper } from './call-stopper.ts';
import { type Launched, launch } from './launched.ts';
import { type Race, raceIn, violationsOf } from './race.ts';

/**
 * When the paused worker goes on: when the other one has the payment and nobody has confirmed the order yet, or when
 * all is over. The first is the moment at which a late "unknown" would be believed.
 */
const resumesAt = ['authorised', 'confirmed'] as const;
type ResumesAt = (typeof resumesAt)[number];

/** A lease that expires while its holder still works: a worker is stopped (SIGSTOP) within its call of the provider. */
export const pausedWorker: Race = {
  name: 'a worker that is paused beyond its lease',
  run: (ground) =>
    raceIn(ground, { stock: { PLENTY: 1_000_000 }, apis: 1, workers: 0, sweepers: 1 }, async (shop) => {
      const stopper = await startCallStopper(shop.providerUrl);
      const task = {
        databaseUrl: shop.databaseUrl,
        providerUrl: stopper.url,
        runs: ['worker'] as const,
        queues: upToPayment,
      };
      const paused = await launch(task, { skewMs: 0 });
      try {
        const violations: Violation[] = [];
        const rounds = ground.scale === 'full' ? 4 : 1;
        let pauses = 0;
        for (let round = 0; round < rounds; round += 1) {
          for (const fate of fates) {
            for (const moment of resumesAt) {
              violations.push(...(await onePause(shop, stopper, paused, fate, moment)));
              pauses += 1;
              ground.progress(`paused worker: ${pauses} pauses, the last call ${fate}`);
            }
          }
        }
        await shop.addWorker();
        return { violations, figures: { 'workers paused beyond their lease': pauses } };
      } finally {
        await paused.stop();
        await stopper.stop();
      }
    }),
};

/** Of workers that take an order up to its payment and leave the confirmation to others. */
const upToPayment: readonly QueueName[] = ['screening', 'payments'];

async function onePause(
  shop: HttpShop,
  stopper: CallStopper,
  paused: Launched,
  fate: Fate,
  moment: ResumesAt,
): Promise<Violation[]> {
  const isPaused = new Promise<void>((resolve) => {
    stopper.arm(fate, async () => {
      await paused.pause();
      resolve();
    });
  });
  const buyer = shop.buyer(`buyer-${newUuid()}`);
  const { checkout } = await buyer.create(
    { lines: { PLENTY: 1 }, email: `${newUuid()}@example.com` },
    { key: newUuid() },
  );
  if (checkout === null) throw new Error('no checkout was opened');
  const told = await buyer.complete(checkout, { key: newUuid(), token: 'tok_ok', triesMax: 10 });
  const orderId = told.outcome.kind === 'ok' ? told.outcome.orderId : null;
  if (orderId === null) throw new Error(`no order: ${JSON.stringify(told.outcome)}`);
  await isPaused;
  const other = await shop.addWorker(moment === 'authorised' ? { queues: upToPayment } : {});
  await reached(shop, orderId, ({ payment, status }) => (moment === 'authorised' ? payment : status) === moment);
  paused.resume();
  await until(`the paused worker ends its call for ${orderId}`, async () =>
    paused.handled.some((each) => each.orderId === orderId && each.type === 'authorise-payment'),
  );
  // What it has learnt late is written by now, if it was.
  const { payment } = await stateOf(shop, orderId);
  const subject = `order ${orderId}, call ${fate}, resumed when ${moment}`;
  const says = `a worker whose lease was over made the authorised payment ${payment}`;
  const violations = violationsOf(9, subject, payment !== 'authorised' && says);
  const confirming = await shop.addWorker();
  if (violations.length === 0) await reached(shop, orderId, ({ status }) => status === 'confirmed');
  await Promise.all([other.stop(), confirming.stop()]);
  return violations;
}

type State = { readonly status: string; readonly payment: string };

async function stateOf(shop: HttpShop, orderId: string): Promise<State> {
  const [state] = await shop.database.query<State>({
    text: `
      select o.status, p.status as payment from orders o join payments p using (order_id) where o.order_id = $1
      limit 1`,
    values: [orderId],
  });
  return state ?? { status: 'none', payment: 'none' };
}

async function reached(shop: HttpShop, orderId: string, is: (state: State) => boolean): Promise<void> {
  await until(`order ${orderId} gets on`, async () => is(await stateOf(shop, orderId)));
}

const withinMs = 30_000;

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
