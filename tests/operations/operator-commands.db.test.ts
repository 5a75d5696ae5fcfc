import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { FraudScreen } from '../../src/fraud/screen.ts';
import { endOf, eventually, type RunningShop } from '../harness/shop.ts';
import { openWorld, type TestWorld } from '../harness/world.ts';
import { onetill } from './captured.ts';

const holds: FraudScreen = { kind: 'local', name: 'holds', judge: () => ({ verdict: 'hold', reason: 'looks odd' }) };

let world: TestWorld;
let running: RunningShop[] = [];
beforeAll(async () => {
  world = await openWorld({ PLENTY: 1_000 }, { webhooks: 'never' });
});
afterAll(() => world?.stop());
beforeEach(() => {
  running = [];
});
afterEach(async () => {
  await Promise.all(running.map((shop) => shop.stop()));
  await world.database.execute({ text: 'delete from messages' });
});

const cli = (...argv: string[]) => onetill(world.url, argv);
const json = async (...argv: string[]) => JSON.parse((await cli(...argv, '--json')).out);

async function start(options: Parameters<TestWorld['start']>[0]): Promise<RunningShop> {
  const shop = await world.start(options);
  running.push(shop);
  return shop;
}

async function placeHeld(): Promise<string> {
  const orderId = await world.place('tok_ok');
  await eventually(
    'the order is held',
    async () => (await json('orders', 'show', `ord_${orderId}`)).status === 'on_hold',
  );
  return `ord_${orderId}`;
}

describe('a verdict on a held order', () => {
  test('an accepted order goes on to its end, its question is closed, and the record names the person', async () => {
    await start({ screen: holds });
    const id = await placeHeld();
    expect((await cli('orders', 'show', id)).out).toContain(`A person decides: onetill orders accept ${id}`);
    expect((await cli('inbox', 'list')).out).toContain(id);
    const said = await cli('orders', 'accept', id, '--by', 'ada');
    expect(said).toMatchObject({ exitCode: 0, out: `${id} is accepted: it goes on.\n` });
    expect(await endOf(world.database, id.slice(4))).toBe('confirmed');
    const story = await json('orders', 'show', id);
    expect(story.audit).toContainEqual(expect.objectContaining({ actor: 'ada', action: 'order accepted' }));
    expect(story.inbox).toMatchObject([{ kind: 'fraud_review', closed_by: 'ada', resolution: 'order accepted' }]);
    expect(story.payment.status).toBe('authorised');
  });

  test('a refused order is taken back, by the person that the system knows if none is named', async () => {
    await start({ screen: holds });
    const id = await placeHeld();
    expect(await cli('orders', 'refuse', id)).toMatchObject({ exitCode: 0 });
    expect(await endOf(world.database, id.slice(4))).toBe('cancelled');
    const story = await json('orders', 'show', id);
    expect(story).toMatchObject({ cancel_code: 'order_refused', payment: { attempts: [] } });
    expect(story.audit).toContainEqual(expect.objectContaining({ actor: 'grace', action: 'order refused' }));
    expect(story.lines).toMatchObject([{ stock: 'released' }]);
  });

  test('of two verdicts at once the first one counts and the other is refused', async () => {
    await start({ screen: holds });
    const id = await placeHeld();
    const codes = await Promise.all([cli('orders', 'accept', id), cli('orders', 'refuse', id)]);
    expect(codes.map((said) => said.exitCode).sort()).toEqual([0, 4]);
    const late = await cli('orders', 'accept', id, '--json');
    expect(late.exitCode).toBe(4);
    expect(JSON.parse(late.err).error.code).toBe('not_possible_now');
  });

  test('the question about a held order is not closed by hand', async () => {
    await start({ screen: holds });
    const id = await placeHeld();
    const { items } = await json('inbox', 'list');
    const item = items.find((each: { order_id: string }) => each.order_id === id);
    const said = await cli('inbox', 'close', item.item_id, '--by', 'ada', '--resolution', 'seen');
    expect(said.exitCode).toBe(4);
    expect(said.err).toContain(`answer with onetill orders accept ${id}`);
  });
});

describe('inbox', () => {
  test('an item that no machine can settle is closed by a person, once, and the record says by whom', async () => {
    const id = `ord_${await world.place('tok_ok')}`;
    const [item] = await world.database.query<{ id: string }>({
      text: `
        insert into operator_inbox (item_id, merchant_id, order_id, kind, subject, reason, owner)
        select gen_random_uuid(), merchant_id, order_id, 'late_money', order_id::text, 'a second one', 'operations'
        from orders where order_id = $1 returning item_id as id`,
      values: [id.slice(4)],
    });
    const closing = ['inbox', 'close', `inb_${item?.id}`, '--by', 'ada', '--resolution', 'voided at the provider'];
    expect(await cli(...closing)).toMatchObject({ exitCode: 0 });
    expect(await cli(...closing)).toMatchObject({ exitCode: 4 });
    expect((await json('orders', 'show', id)).audit).toContainEqual(
      expect.objectContaining({ actor: 'ada', action: 'inbox item closed' }),
    );
  });
});

describe('queues', () => {
  test('every queue is counted: ready, with a worker, put off, failing, and how long it waits', async () => {
    const orderId = await world.place('tok_ok');
    await world.place('tok_ok');
    await world.place('tok_ok');
    await world.database.execute({
      text: `update messages set first_enqueued_at = now() - interval '90 seconds',
             available_at = now() - interval '60 seconds' where order_id = $1`,
      values: [orderId],
    });
    const ids = await world.database.query<{ id: string }>({
      text: 'select message_id::text as id from messages where order_id <> $1 order by message_id limit 2',
      values: [orderId],
    });
    await world.database.execute({
      text: `update messages set attempt = 1, first_taken_at = now(), lease_id = gen_random_uuid(), leased_by = 'w',
             available_at = now() + interval '1 minute' where message_id::text = $1`,
      values: [ids[0]?.id],
    });
    await world.database.execute({
      text: `update messages set attempt = 1, first_taken_at = now(), available_at = now() + interval '1 minute'
             where message_id::text = $1`,
      values: [ids[1]?.id],
    });
    const { queues } = await json('queues');
    expect(queues.map((each: { queue: string }) => each.queue)).toEqual(
      expect.arrayContaining(['screening', 'payments', 'orders', 'stock', 'webhooks']),
    );
    const screening = queues.find((each: { queue: string }) => each.queue === 'screening');
    expect(screening).toMatchObject({ ready: 1, leased: 1, delayed: 1, failing: 1 });
    expect(Math.floor(screening.oldest_first_attempt_age_seconds)).toBe(60);
    expect(Math.floor(screening.oldest_message_age_seconds)).toBe(90);
    expect((await cli('queues')).out).toMatch(/screening +1 +1 +1 +1 min +1 min 30 s +1 /);
  });
});

describe('stock', () => {
  test('a count is set with who and why, and the shelf is shown', async () => {
    const said = await cli('stock', 'set', 'PLENTY', '500', '--by', 'ada', '--reason', 'counted');
    expect(said.exitCode).toBe(0);
    expect(await json('stock', 'show', 'PLENTY')).toMatchObject({ sku: 'PLENTY', on_hand_units: 500 });
    expect((await json('stock', 'list')).stock).toHaveLength(1);
    const [entry] = await world.database.query({
      text: `select actor, detail from audit_entries where action = 'stock set'`,
    });
    expect(entry).toEqual({ actor: 'ada', detail: 'PLENTY: 500 on hand, counted' });
  });

  test('stock below what orders hold is refused, an unknown product not found, no reason wrong usage', async () => {
    await world.place('tok_ok');
    expect(await cli('stock', 'set', 'PLENTY', '0', '--reason', 'fire')).toMatchObject({ exitCode: 4 });
    expect(await cli('stock', 'set', 'NOPE', '1', '--reason', 'found')).toMatchObject({ exitCode: 3 });
    expect(await cli('stock', 'show', 'NOPE')).toMatchObject({ exitCode: 3 });
    expect(await cli('stock', 'set', 'PLENTY', '1')).toMatchObject({ exitCode: 2 });
    expect(await cli('stock', 'set', 'PLENTY', '-1', '--reason', 'x')).toMatchObject({ exitCode: 2 });
  });

  test('products are imported by a person whose name stays', async () => {
    const file = 'data/online-retail/online-retail-40k.csv.gz';
    const said = await cli('import', 'products', file, '--by', 'ada');
    expect(said.exitCode).toBe(0);
    // Nothing but how far it is, and that only where it takes longer than a moment.
    expect(said.err.replaceAll(/^(?:reading …|writing \d+ of \d+ …)?\n/gm, '')).toBe('');
    expect(said.out).toContain('products');
    const [entry] = await world.database.query({
      text: `select actor from audit_entries where action = 'products imported'`,
    });
    expect(entry).toEqual({ actor: 'ada' });
    expect(await cli('import', 'products', 'no-such-file.csv')).toMatchObject({ exitCode: 2 });
  });
});
