import type { Draft } from '../../src/checkout/quote.ts';
import { Secret } from '../../src/shared/secret.ts';
import type { SeenCheckout, Told } from '../judges/answers.ts';
import type { Chance } from './chance.ts';
import { type Client, createClient } from './client.ts';
import { type Ask, hashOf } from './front-door.ts';
import { caller } from './seed-rows.ts';
import type { World } from './world.ts';

/** A buyer at a checkout: what is known of it, and how to ask. */
type Visit = {
  readonly world: World;
  readonly chance: Chance;
  readonly client: Client;
  readonly name: string;
  readonly newKey: () => string;
  readonly email: string;
  seen: SeenCheckout;
  /** Another request for this checkout may be on its way: then only a version says what is agreed to. */
  isShared: boolean;
};

/** A buyer's day: some purchases, one after the other, with all the habits of the world's plan. */
export async function buy(world: World, number: number): Promise<void> {
  const name = `buyer ${number}`;
  const chance = world.chance.fork(name);
  const client = createClient(world, name, chance);
  let keys = 0;
  const newKey = (): string => {
    keys += 1;
    return `${name.replace(' ', '-')}-${keys}`;
  };
  const purchases = chance.between(1, 2);
  for (let purchase = 1; purchase <= purchases; purchase += 1) {
    await world.time.wait(chance.magnitude(1, 4_000));
    const email = `buyer-${chance.happens(0.5) ? number : 'shared'}@example.com`;
    const visit = await enter({ world, chance, client, name, newKey, email });
    if (visit !== null) await checkOut(visit);
  }
}

async function enter(by: Omit<Visit, 'seen' | 'isShared'>): Promise<Visit | null> {
  const draft = drawDraft(by);
  const key = by.chance.happens(0.8) ? by.newKey() : null;
  const told = await by.client.insist(createAsk(draft, key), { key, requestSha256: hashOf(JSON.stringify(draft)) });
  return told.checkout === null ? null : { ...by, seen: told.checkout, isShared: false };
}

async function checkOut(visit: Visit): Promise<void> {
  const { world, chance } = visit;
  const { habits } = world.plan;
  if (chance.happens(habits.changesMind)) await change(visit);
  const triesMax = 4;
  for (let tries = 1; tries <= triesMax; tries += 1) {
    if (chance.happens(habits.givesUp)) return;
    const other = chance.happens(habits.secondTab) ? meddle(visit) : null;
    const told = await complete(visit, tries);
    await other;
    if (!(await wantsAnotherTry(visit, told))) break;
    await world.time.wait(chance.magnitude(5, 3_000));
  }
  await follow(visit);
  if (chance.happens(habits.cancels)) await cancel(visit);
}

/** Other tabs of the same buyer change, complete or cancel while the first one completes. */
async function meddle(visit: Visit): Promise<void> {
  const { chance, world } = visit;
  visit.isShared = true;
  world.hit('client:second-tab');
  const tabs = Array.from({ length: chance.between(1, 3) }, async () => {
    await world.time.wait(chance.between(0, 15 + 12 * world.plan.latencyMsMax));
    const does = chance.pick(['change', 'change', 'complete', 'cancel'] as const);
    if (does === 'change') await change(visit);
    else if (does === 'complete') await complete(visit, 0);
    else await cancel(visit);
  });
  await Promise.all(tabs);
}

async function change(visit: Visit): Promise<void> {
  const { client, newKey, chance } = visit;
  const draft = drawDraft(visit);
  const key = chance.happens(0.7) ? newKey() : null;
  const { checkoutId } = visit.seen;
  // While nobody knows whether it was changed, only a version says what is agreed to.
  const wasShared = visit.isShared;
  visit.isShared = true;
  const told = await client.insist(
    updateAsk(checkoutId, draft, key),
    terms(key, `${checkoutId} ${JSON.stringify(draft)}`),
  );
  if (told.checkout !== null) visit.seen = told.checkout;
  if (key !== null && told.outcome.kind !== 'unknown') visit.isShared = wasShared;
}

/** The total that is agreed to is that of the last answer. */
async function complete(visit: Visit, tries: number): Promise<Told> {
  const { world, chance, client, newKey } = visit;
  const { habits } = world.plan;
  const { seen } = visit;
  const token = tries > 1 && chance.happens(0.6) ? 'tok_ok' : chance.pick(world.plan.tokens);
  const saysVersion = visit.isShared || chance.happens(0.2);
  const waitMs = chance.happens(habits.waitsForOutcome) ? chance.pick([300, 3_000]) : 0;
  const key = newKey();
  const seenVersion = saysVersion ? seen.version : null;
  const billingCountry = chance.pick([null, 'GB', 'FR']);
  const sent = { checkoutId: seen.checkoutId, key, token, billingCountry, seenVersion, waitMs };
  const request = { ...terms(key, `${seen.checkoutId} ${token} ${billingCountry}`), saysVersion, waitMs };
  const agreed = { ...request, seenTotalMinor: seen.totalMinor };
  const twin = chance.happens(habits.doubleClick) ? again(visit, completeAsk(sent), agreed) : null;
  const told = await client.insist(completeAsk(sent), agreed);
  await twin;
  if (chance.happens(habits.reusesKey)) {
    world.hit('client:key-reused');
    const otherwise = { ...request, requestSha256: hashOf(`${key} otherwise`) };
    await client.ask(completeAsk({ ...sent, requestSha256: otherwise.requestSha256 }), otherwise);
  }
  if (told.checkout !== null) visit.seen = told.checkout;
  return told;
}

/** The same request a second time, while the first one is on its way. */
async function again(visit: Visit, ask: Ask, agreed: Parameters<Client['ask']>[1]): Promise<void> {
  visit.world.hit('client:double-click');
  await visit.world.time.wait(visit.chance.between(0, 30));
  await visit.client.insist(ask, agreed);
}

/** Whether it is worth trying again, after a look at the checkout as it is now. */
async function wantsAnotherTry(visit: Visit, { outcome }: Told): Promise<boolean> {
  if (outcome.kind === 'unknown') return false;
  if (outcome.kind === 'ok') {
    const code = await endOf(visit);
    if (code !== 'payment_failed' && code !== 'payment_timed_out') return false;
  } else if (outcome.code === 'out_of_stock' || outcome.code === 'checkout_incomplete') await change(visit);
  else if (!['price_changed', 'item_unavailable', 'quote_changed', 'payment_failed'].includes(outcome.code))
    return false;
  const shown = await read(visit);
  return shown?.status === 'ready_for_complete';
}

/** Waits a little for the order's end; why it ended, if it went back. */
async function endOf(visit: Visit): Promise<string | null> {
  const { world, chance } = visit;
  if (chance.happens(0.5)) return null;
  const looksMax = 4;
  for (let looks = 0; looks < looksMax; looks += 1) {
    await world.time.wait(chance.magnitude(100, 8_000));
    const shown = await read(visit);
    if (shown === null || shown.status === 'completed' || shown.status === 'canceled') return null;
    if (shown.status === 'ready_for_complete') {
      world.figures.count('opened again');
      return 'payment_failed';
    }
  }
  return null;
}

async function follow(visit: Visit): Promise<void> {
  await visit.world.time.wait(visit.chance.magnitude(10, 2_000));
  await read(visit);
}

async function read(visit: Visit): Promise<SeenCheckout | null> {
  const { checkoutId } = visit.seen;
  const ask: Ask = { operation: 'read', caller, checkoutId, work: (desk) => desk.read(caller, checkoutId) };
  const { checkout } = await visit.client.insist(ask, terms(null, checkoutId));
  if (checkout !== null) visit.seen = checkout;
  return checkout;
}

async function cancel(visit: Visit): Promise<void> {
  const { client, newKey, chance } = visit;
  const key = chance.happens(0.7) ? newKey() : null;
  const { checkoutId } = visit.seen;
  visit.isShared = true;
  await client.insist(cancelAsk(checkoutId, key), terms(key, `cancel ${checkoutId}`));
}

function terms(key: string | null, request: string) {
  return { key, requestSha256: hashOf(request) };
}

function drawDraft({ chance, world, email }: Pick<Visit, 'chance' | 'world' | 'email'>): Draft {
  const { skus } = world.plan;
  const lines = Array.from({ length: chance.between(1, 3) }, () => {
    return { sku: chance.pick(skus).sku, quantity: chance.magnitude(1, 5) };
  });
  const isWhole = chance.happens(0.95);
  return {
    lines,
    buyer: { firstName: 'Ada', email: isWhole ? email : undefined },
    destinations: [{ id: 'home', streetAddress: '1 High St', country: chance.pick(['GB', 'GB', 'GB', 'FR']) }],
    selectedDestinationId: 'home',
    selectedShippingId: chance.pick(['standard', 'standard', 'express']),
  };
}

const keyOf = (key: string | null, request: string) => (key === null ? null : { key, requestSha256: hashOf(request) });

function createAsk(draft: Draft, key: string | null): Ask {
  const kept = keyOf(key, JSON.stringify(draft));
  return { operation: 'create', caller, checkoutId: null, work: (desk) => desk.create(caller, draft, kept) };
}

function updateAsk(checkoutId: string, draft: Draft, key: string | null): Ask {
  const kept = keyOf(key, `${checkoutId} ${JSON.stringify(draft)}`);
  return { operation: 'update', caller, checkoutId, work: (desk) => desk.update(caller, checkoutId, draft, kept) };
}

function cancelAsk(checkoutId: string, key: string | null): Ask {
  const kept = keyOf(key, `cancel ${checkoutId}`);
  return { operation: 'cancel', caller, checkoutId, work: (desk) => desk.cancel(caller, checkoutId, kept) };
}

type Sent = {
  readonly checkoutId: string;
  readonly key: string;
  readonly token: string;
  readonly billingCountry: string | null;
  readonly seenVersion: number | null;
  readonly waitMs: number;
  readonly requestSha256?: Buffer;
};

function completeAsk(sent: Sent): Ask {
  const { checkoutId, key, token, billingCountry, seenVersion, waitMs } = sent;
  const requestSha256 = sent.requestSha256 ?? hashOf(`${checkoutId} ${token} ${billingCountry}`);
  const request = { token: new Secret(token), provider: 'simulated', billingCountry, seenVersion, waitMs };
  return {
    operation: 'complete',
    caller,
    checkoutId,
    work: (desk) => desk.complete(caller, checkoutId, { key: { key, requestSha256 }, ...request, traceparent: null }),
  };
}
