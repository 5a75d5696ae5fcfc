import { newUuid } from '../../src/shared/ids.ts';
import { pick, type Random } from '../harness/chance.ts';
import type { HttpShop } from '../harness/http-shop.ts';
import type { SeenCheckout, Told } from '../judges/answers.ts';
import type { Violation } from '../judges/judge.ts';
import type { CompleteAsk, RecordingClient } from '../judges/recording-client.ts';
import { type Ground, inLanes, type Race, raceIn, violationsOf } from './race.ts';
import { startWebhookRouter } from './webhook-router.ts';

/** What happens to one session: three calls of its buyer, and the moment from which its events get through. */
const deeds = ['complete', 'update', 'cancel', 'webhook'] as const;
type Deed = (typeof deeds)[number];

/** One after the other: each is answered before the next begins. Overlapped: all are under way at once. */
type Session = {
  readonly order: readonly Deed[];
  readonly overlapped: boolean;
  readonly token: string;
  /** Whether the second buyer of a pair completes under the same key or a key of its own. */
  readonly sameKey: boolean;
  readonly agreesTo: NonNullable<CompleteAsk['agreesTo']>;
};

/** Authorised and declined, told by the answer, by an event before it, and with the answer lost. */
const tokens = [
  'tok_ok',
  'tok_card_declined',
  'tok_ok.webhook:early',
  'tok_card_declined.webhook:early',
  'tok_ok.act_and_cut',
  'tok_card_declined.answer_late_200.webhook:early',
] as const;

/** Session cancel against complete against update against webhook, in every order, in turn and overlapped. */
export const everyOrder: Race = {
  name: 'cancel, complete, update and webhook in every order',
  async run(ground) {
    const gates = new Set<string>();
    const shopOf: { shop: HttpShop | null } = { shop: null };
    const router = await startWebhookRouter(async ({ paymentId }) => {
      const checkoutId = await checkoutOf(shopOf.shop, paymentId);
      return checkoutId !== null && gates.has(checkoutId) ? (shopOf.shop?.apis[gates.size % 2] ?? null) : null;
    });
    const stock = { PLENTY: 1_000_000, OTHER: 1_000_000 };
    try {
      return await raceIn(
        ground,
        { stock, apis: 2, workers: 2, sweepers: 1, webhookUrl: () => router.url },
        async (shop) => {
          shopOf.shop = shop;
          const sessions = sessionsOf(ground);
          let done = 0;
          const found = await inLanes(8, sessions, async (session) => {
            const violations = await raceOne(shop, session, gates, ground.random);
            done += 1;
            if (done % 20 === 0) ground.progress(`every order: ${done} of ${sessions.length} sessions`);
            return violations;
          });
          const held = router.answers.get(503) ?? 0;
          const figures = { 'sessions raced in every order': sessions.length, 'events held back in sessions': held };
          return { violations: found.flat(), figures };
        },
      );
    } finally {
      await router.stop();
    }
  },
};

async function checkoutOf(shop: HttpShop | null, paymentId: string): Promise<string | null> {
  const rows = await shop?.database.query<{ id: string }>({
    text: 'select checkout_id as id from orders join payments using (order_id) where payment_id::text = $1 limit 1',
    values: [paymentId],
  });
  return rows?.[0]?.id ?? null;
}

/** All permutations in turn and overlapped; at full scale each with every token, else each with one of them. */
function sessionsOf({ scale, random }: Ground): Session[] {
  const all = permutations(deeds);
  return all.flatMap((order, index) => {
    const some = scale === 'full' ? tokens : [tokens[index % tokens.length] ?? tokens[0]];
    return some.flatMap((token) =>
      [false, true].map((overlapped): Session => {
        const agreesTo = pick(random, ['shown', 'version', 'anything'] as const);
        return { order, overlapped, token, sameKey: random() < 0.5, agreesTo };
      }),
    );
  });
}

function permutations<T>(all: readonly T[]): T[][] {
  if (all.length === 0) return [[]];
  return all.flatMap((first, index) =>
    permutations(all.filter((_, at) => at !== index)).map((rest) => [first, ...rest]),
  );
}

type Completed = { readonly client: RecordingClient; readonly checkout: SeenCheckout; readonly ask: CompleteAsk };
type Ended = {
  readonly deed: Deed;
  readonly told: Told | null;
  readonly asked?: Completed;
};

async function raceOne(
  shop: HttpShop,
  session: Session,
  gates: Set<string>,
  random: Random,
): Promise<readonly Violation[]> {
  const [first, second] = [0, 1].map((api) => shop.buyer(`buyer-${newUuid()}`, { api }));
  if (first === undefined || second === undefined) throw new Error('a shop of two instances');
  const cart = { lines: { PLENTY: 1 }, email: `${newUuid()}@example.com` };
  const { checkout } = await first.create(cart, { key: newUuid(), triesMax: 5 });
  if (checkout === null) throw new Error('no checkout was opened');
  const { checkoutId } = checkout;
  const key = newUuid();
  let seen = checkout;
  // An update that overlaps changes what is shown at any moment: then only the version says what is agreed to.
  const agreesTo = session.overlapped && session.agreesTo === 'shown' ? 'anything' : session.agreesTo;
  const complete = async (client: RecordingClient, under: string): Promise<Ended> => {
    const ask = { key: under, token: session.token, agreesTo, triesMax: 20 };
    const asked = { client, checkout: seen, ask };
    return { deed: 'complete', told: await client.complete(seen, ask), asked };
  };
  const does: Readonly<Record<Deed, () => Promise<Ended[]>>> = {
    complete: () => Promise.all([complete(first, key), complete(second, session.sameKey ? key : newUuid())]),
    async update() {
      const lines = { PLENTY: 2, OTHER: 1 };
      const told = await second.update(checkoutId, { ...cart, lines }, { key: newUuid(), triesMax: 20 });
      if (told.checkout !== null) seen = told.checkout;
      return [{ deed: 'update', told }];
    },
    cancel: async () => [{ deed: 'cancel', told: await second.cancel(checkoutId, { key: newUuid(), triesMax: 20 }) }],
    async webhook() {
      gates.add(checkoutId);
      // In turn, the event is there before the next deed begins, if there is one to come.
      if (!session.overlapped) await eventArrived(shop, checkoutId);
      return [{ deed: 'webhook', told: null }];
    },
  };
  const ended = session.overlapped
    ? (await Promise.all(session.order.map((deed) => after(random() * 8, does[deed])))).flat()
    : await inTurn(session.order.map((deed) => does[deed]));
  return [...(await lookAt(shop, checkoutId, session, ended)), ...(await askAgain(ended, shop))];
}

async function inTurn(all: readonly (() => Promise<Ended[]>)[]): Promise<Ended[]> {
  const ended: Ended[] = [];
  for (const each of all) ended.push(...(await each()));
  return ended;
}

async function after<T>(delayMs: number, work: () => Promise<T>): Promise<T> {
  await new Promise((resolve) => setTimeout(resolve, delayMs));
  return await work();
}

const eventWithinMs = 5_000;

/** Waits for the event of the session's order; there is none to wait for without an order. */
async function eventArrived(shop: HttpShop, checkoutId: string): Promise<void> {
  const until = Date.now() + eventWithinMs;
  while (Date.now() < until) {
    const [found] = await shop.database.query<{ orders: number; events: number }>({
      text: `
        select count(*)::integer as orders, count(w.event_id)::integer as events
        from orders join payments p using (order_id)
        left join webhooks_received w on w.body -> 'data' ->> 'reference' = p.payment_id::text
        where checkout_id = $1`,
      values: [checkoutId],
    });
    if (found === undefined || found.orders === 0 || found.events > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** One outcome: an order or a cancellation, never both; in turn, the one that the order of deeds leaves possible. */
async function lookAt(
  shop: HttpShop,
  checkoutId: string,
  session: Session,
  ended: readonly Ended[],
): Promise<Violation[]> {
  const [row] = await shop.database.query<{ status: string; live: number }>({
    text: `
      select c.status, count(o.order_id) filter (where o.status not in ('cancelling', 'cancelled'))::integer as live
      from checkouts c left join orders o using (checkout_id) where c.checkout_id = $1 group by c.status limit 2`,
    values: [checkoutId],
  });
  const isOk = (deed: Deed) => ended.some((each) => each.deed === deed && each.told?.outcome.kind === 'ok');
  const orders = new Set(
    ended.flatMap(({ told }) => (told?.outcome.kind === 'ok' ? (told.outcome.orderId ?? []) : [])),
  );
  const pays = session.token.startsWith('tok_ok');
  const subject = `checkout ${checkoutId}, ${session.order.join(', ')}${session.overlapped ? ', overlapped' : ''}`;
  const isBefore = (a: Deed, b: Deed) => session.order.indexOf(a) < session.order.indexOf(b);
  const inTurnOnly = (wrong: boolean, says: string) => !session.overlapped && wrong && says;
  return violationsOf(
    1,
    subject,
    row === undefined && 'the checkout is gone',
    (row?.live ?? 0) > 1 && `${row?.live} orders are alive`,
    isOk('cancel') && (row?.live ?? 0) > 0 && 'told that it is cancelled, and an order is alive',
    isOk('cancel') && row?.status !== 'cancelled' && `told that it is cancelled, and it is ${row?.status}`,
    pays && isOk('cancel') && isOk('complete') && 'both cancelled and sold',
    pays && orders.size > 1 && `${orders.size} orders were named`,
    inTurnOnly(isBefore('cancel', 'complete') && isOk('complete'), 'sold after it had been cancelled'),
    inTurnOnly(isBefore('cancel', 'update') && isOk('cancel') && isOk('update'), 'changed after it had been cancelled'),
    inTurnOnly(isBefore('cancel', 'complete') && !isOk('cancel'), 'an open checkout could not be cancelled'),
    inTurnOnly(
      pays && isOk('complete') && isBefore('complete', 'update') && isOk('update'),
      'changed after it had been sold',
    ),
    inTurnOnly(isBefore('complete', 'cancel') && !isOk('complete'), 'an open checkout could not be bought'),
  );
}

const staysRefused: readonly string[] = ['checkout_not_open', 'quote_changed'];

/**
 * What was refused because of the race stays refused under its key, at either instance, whatever came after it. For the
 * same reason, unless the buyer had said with If-Match which version is meant: then "quote_changed" is not kept.
 */
async function askAgain(ended: readonly Ended[], shop: HttpShop): Promise<Violation[]> {
  const found: Violation[] = [];
  for (const { told, asked } of ended) {
    if (told?.outcome.kind !== 'refused' || asked === undefined || !staysRefused.includes(told.outcome.code)) continue;
    const { code } = told.outcome;
    const isKept = code !== 'quote_changed' || asked.ask.agreesTo !== 'version';
    for (const api of [0, 1]) {
      const again = await shop
        .buyer(`asks-again-${newUuid()}`, { api })
        .complete(asked.checkout, { ...asked.ask, triesMax: 20 });
      const said = again.outcome.kind === 'refused' ? again.outcome.code : again.outcome.kind;
      const isSame = isKept ? said === code : again.outcome.kind === 'refused';
      const says = `refused with ${code}, and ${said} when it was asked again`;
      found.push(...violationsOf(1, `key ${asked.ask.key}`, !isSame && says));
    }
  }
  return found;
}
