import { afterEach, expect, test } from 'vitest';
import { type AuthorisationStatus, statusOf, view } from '../../simulators/payment-provider/books.ts';
import type { PaymentProvider } from '../../src/payments/provider.ts';
import { receiveWebhook } from '../../src/payments/webhooks.run.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { currencyOf } from '../../src/shared/money.ts';
import { Secret } from '../../src/shared/secret.ts';
import { endOf, eventually, quickQueues } from '../harness/shop.ts';
import { atRest, openWorld, type TestWorld } from '../harness/world.ts';

const worlds: TestWorld[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.stop();
});

async function begin(options?: Parameters<typeof openWorld>[1]): Promise<TestWorld> {
  const world = await openWorld({ PLENTY: 100_000 }, options);
  worlds.push(world);
  return world;
}

type Ours = { order: string; payment: string; reference: string | null; checkAt: Date | null };

async function ours(world: TestWorld, orderId: string): Promise<Ours | undefined> {
  const rows = await world.database.query<Ours>({
    text: `
      select o.status as order, p.status as payment, p.provider_reference as reference, p.next_check_at as "checkAt"
      from orders o join payments p using (order_id) where o.order_id = $1`,
    values: [orderId],
  });
  return rows[0];
}

function theirs(world: TestWorld, orderId: string): AuthorisationStatus[] {
  return world.authorisations(orderId).map(statusOf);
}

test('whatever becomes of call, answer and question, a payment ends as what the provider says that it is', async () => {
  const world = await begin({ webhooks: 'never' });
  await world.start();
  const lost = [
    'act_and_cut',
    'fail_after',
    'fail_before',
    'cut_before',
    'nonsense',
    'answer_late_500',
    'act_late_400',
  ];
  const asked = [
    '',
    '.find:act_and_cut',
    '.find:nonsensex2',
    '.find:fail_after',
    '.find:answer_late_500',
    '.find:rate_limited',
  ];
  const tokens = ['tok_ok', 'tok_do_not_honour'].flatMap((outcome) =>
    lost.flatMap((fault) => asked.map((question) => `${outcome}.${fault}${question}`)),
  );
  const placed = await Promise.all(tokens.map(async (token) => ({ token, orderId: await world.place(token) })));
  await atRest(world.database);
  for (const { token, orderId } of placed) {
    const expected = token.startsWith('tok_ok') ? 'authorised' : 'declined';
    expect([token, theirs(world, orderId)]).toEqual([token, [expected]]);
    const row = await ours(world, orderId);
    expect(row).toMatchObject({ order: expected === 'authorised' ? 'confirmed' : 'cancelled', payment: expected });
    expect(row?.checkAt).toBeNull();
  }
  expect([...world.simulated.faults.tokenHits.keys()].filter((name) => name.startsWith('find:'))).toHaveLength(5);
});

test.each([
  ['a webhook tells of it', 'delivered', 60_000],
  ['no webhook ever comes', 'never', 1_500],
] as const)(
  'money that was authorised after the order was cancelled is given back when %s',
  async (_, webhooks, later) => {
    const world = await begin({ webhooks });
    await world.start({ timings: { checkAfterMs: 1_000, absentAfterMs: 300, lookAgainAfterMs: later } });
    // Each arrival of our call acts only later; the first of them does after the order is cancelled.
    const orderId = await world.place('tok_ok.act_late_2500x999');
    await eventually('the provider was called', async () => (await ours(world, orderId))?.payment === 'unknown');
    await world.database.execute({ text: 'update orders set deadline_at = now()' });
    expect(await endOf(world.database, orderId)).toBe('cancelled');
    expect(await ours(world, orderId)).toMatchObject({ payment: 'abandoned' });
    expect(theirs(world, orderId)).toEqual([]);
    await eventually('the late money is given back', async () => theirs(world, orderId)[0] === 'voided', 15_000);
    await eventually('our books say so', async () => (await ours(world, orderId))?.payment === 'voided');
    expect(await ours(world, orderId)).toMatchObject({ order: 'cancelled', checkAt: null });
    const [told] = await world.database.query<{ action: string }>({
      text: `select action from audit_entries where order_id = $1 and action like 'money came late%' limit 1`,
      values: [orderId],
    });
    expect(told).toBeDefined();
  },
);

/** The event of an authorisation as the provider would send it now. */
function eventOf(world: TestWorld, orderId: string, type: 'authorised' | 'declined' | 'voided') {
  const [first] = world.authorisations(orderId);
  if (first === undefined) throw new Error('the provider knows nothing of it');
  return { id: `evt_${newUuid()}`, type: `authorisation.${type}`, data: view(first) };
}

async function deliver(world: TestWorld, event: { id: string; type: string; data: object }): Promise<void> {
  const options = { database: world.database, newId: newUuid, waker: { wake() {} } };
  const webhook = { provider: 'simulated', eventId: event.id, body: event, traceparent: null };
  expect(await receiveWebhook(options, webhook)).toBeNull();
}

function* permutations<T>(of: readonly T[]): Generator<T[]> {
  if (of.length <= 1) yield [...of];
  for (const [index, first] of of.entries()) {
    for (const rest of permutations([...of.slice(0, index), ...of.slice(index + 1)])) yield [first, ...rest];
  }
}

test('webhooks in any order, missing or repeated, leave a payment in the same state', async () => {
  const world = await begin({ webhooks: 'never' });
  await world.start();
  // With hints of what never was: a webhook is no evidence.
  const ofPaid = [[], ...permutations(['authorised', 'voided', 'declined', 'authorised'] as const)];
  const ofDeclined = [[], ...permutations(['declined', 'voided', 'declined'] as const)];
  const sets = [
    ...ofPaid.map((set) => ({ set, token: 'tok_ok' })),
    ...ofDeclined.map((set) => ({ set, token: 'tok_lost_card' })),
  ];
  const placed = await Promise.all(
    sets.map(async ({ set, token }) => {
      const { orderId } = await world.buy(token);
      return { set, orderId, before: await ours(world, orderId) };
    }),
  );
  for (const { set, orderId } of placed) for (const kind of set) await deliver(world, eventOf(world, orderId, kind));
  await atRest(world.database);
  for (const { orderId, before } of placed) expect(await ours(world, orderId)).toEqual(before);
  const [received] = await world.database.query<{ open: number; all: number }>({
    text: `
      select count(*)::integer as all, count(*) filter (where handled_at is null)::integer as open
      from webhooks_received`,
  });
  expect(received).toEqual({ open: 0, all: sets.flatMap(({ set }) => set).length });
  expect(await world.database.query({ text: 'select kind from operator_inbox limit 1' })).toEqual([]);
});

test('webhooks before, after, twice, late, out of order or never give orders the same end', async () => {
  const world = await begin();
  await world.start();
  const ways = ['early', 'twice', 'late_300', 'never', 'reordered_300'];
  const orders = await Promise.all(
    ways.flatMap((way) => [
      world.buy(`tok_ok.act_and_cut.webhook:${way}x2`),
      world.buy(`tok_card_declined.webhook:${way}x2`),
    ]),
  );
  await atRest(world.database);
  const ends = await Promise.all(orders.map(async ({ orderId }) => (await ours(world, orderId))?.payment));
  expect(ends).toEqual(ways.flatMap(() => ['authorised', 'declined']));
  for (const { orderId } of orders) expect(theirs(world, orderId)).toHaveLength(1);
});

test('a hint that comes while the provider is being asked is not lost', async () => {
  const world = await begin({ webhooks: 'never' });
  const { provider } = world.simulated;
  let asked = 0;
  let goOn = (): void => {};
  const mayGoOn = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const { stop } = await world.start();
  const orderId = await world.place('tok_ok.cut_beforex999');
  await eventually('the provider was called', async () => (await ours(world, orderId))?.payment === 'unknown');
  await world.database.execute({ text: 'update orders set deadline_at = now() where deadline_at is not null' });
  expect(await endOf(world.database, orderId)).toBe('cancelled');
  await stop();
  await world.start({
    provider: {
      ...provider,
      // The first question is answered with what was true before the money came.
      async find(request) {
        const found = await provider.find(request);
        asked += 1;
        if (asked === 1) await mayGoOn;
        return found;
      },
    },
  });
  const [payment] = await world.database.query<{ id: string }>({
    text: 'select payment_id as id from payments limit 1',
  });
  const about = { key: `${orderId}-authorise`, reference: payment?.id ?? '' };
  const hint = { id: `evt_${newUuid()}`, type: 'authorisation.declined', data: { id: 'auth_none', ...about } };
  await deliver(world, hint);
  await eventually('the provider is being asked', async () => asked === 1);
  await authoriseNow(world, orderId);
  await deliver(world, eventOf(world, orderId, 'authorised'));
  await eventually('the second hint is handled', async () => {
    const open = await world.database.query({
      text: `select 1 from webhooks_received where handled_at is null limit 1`,
    });
    return open.length === 0;
  });
  goOn();
  await eventually('the late money is given back', async () => theirs(world, orderId)[0] === 'voided');
  await eventually('our books say so', async () => (await ours(world, orderId))?.payment === 'voided');
});

/** A provider that acts, and whose answer to an authorisation comes as unknown, and only when it is told to. */
function answersLate(provider: PaymentProvider): PaymentProvider & { answer(): void } {
  let answer = (): void => {};
  const mayAnswer = new Promise<void>((resolve) => {
    answer = resolve;
  });
  return {
    ...provider,
    answer,
    async authorise(request) {
      await provider.authorise(request);
      await mayAnswer;
      return { outcome: 'unknown', reason: 'no reply' };
    },
  };
}

test('money of a call that its worker did not survive is given back when the order goes back', async () => {
  const world = await begin({ webhooks: 'never' });
  const dead = answersLate(world.simulated.provider);
  await world.start({ provider: dead, sweep: false });
  try {
    const orderId = await world.place('tok_ok');
    await eventually('the provider acted', async () => theirs(world, orderId)[0] === 'authorised');
    await world.database.execute({ text: 'update orders set deadline_at = now()' });
    await world.start();
    expect(await endOf(world.database, orderId)).toBe('cancelled');
    expect(theirs(world, orderId)).toEqual(['voided']);
    expect(await ours(world, orderId)).toMatchObject({ payment: 'voided', checkAt: null });
  } finally {
    dead.answer();
  }
});

test('a worker that lost its lease does not take an authorised payment back to unknown', async () => {
  const world = await begin({ webhooks: 'never' });
  const settings = quickQueues();
  // Nothing is confirmed, so that the order still runs when the late word comes.
  const unconfirmed = { ...settings, orders: { ...settings.orders, concurrency: 0 } };
  const slow = answersLate(world.simulated.provider);
  // Its one place is taken, so that it does not come by the message a second time itself.
  const onePlace = { ...unconfirmed, payments: { ...settings.payments, concurrency: 1 } };
  const loser = await world.start({ provider: slow, sweep: false, settings: onePlace });
  try {
    const orderId = await world.place('tok_ok');
    await eventually('the provider acted', async () => theirs(world, orderId)[0] === 'authorised');
    await world.start({ sweep: false, settings: unconfirmed });
    await world.database.execute({ text: `update messages set available_at = now() where type = 'authorise-payment'` });
    await eventually('it is known', async () => (await ours(world, orderId))?.payment === 'authorised');
    slow.answer();
    await loser.stop();
    expect(await ours(world, orderId)).toMatchObject({ payment: 'authorised', order: 'pending', checkAt: null });
  } finally {
    slow.answer();
  }
});

/** The call that was on its way for so long arrives. */
async function authoriseNow(world: TestWorld, orderId: string): Promise<void> {
  const [row] = await world.database.query<{ id: string; minor: bigint }>({
    text: 'select payment_id as id, amount_minor as minor from payments where order_id = $1',
    values: [orderId],
  });
  const answer = await world.simulated.provider.authorise({
    key: `${orderId}-authorise`,
    amount: { amountMinor: row?.minor ?? 0n, currency: currencyOf('GBP') },
    token: new Secret('tok_ok'),
    reference: row?.id ?? '',
  });
  expect(answer.outcome).toBe('done');
}
