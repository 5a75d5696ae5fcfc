import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FraudScreen } from '../../src/fraud/screen.ts';
import { eventually, quickQueues } from '../harness/shop.ts';
import { openWorld, type TestWorld } from '../harness/world.ts';
import { onetill } from '../operations/captured.ts';

/** An operator works for one merchant at a time: what belongs to another one is not there, whatever its id. */

/** Holds the order of one unit for a person, and dies of the order of two. */
const oddScreen: FraudScreen = {
  kind: 'local',
  name: 'odd',
  judge({ total }) {
    if (total.amountMinor < 800n) return { verdict: 'hold', reason: 'one unit' };
    throw new Error('two units');
  },
};

let world: TestWorld;
let order: string;
let letter: string;
let item: string;
beforeAll(async () => {
  world = await openWorld({ PLENTY: 1_000 }, { webhooks: 'never' });
  await world.database.execute({
    text: `
      with merchant as (
        insert into merchants (merchant_id, name, currency, country) values ('rival', 'Rival', 'GBP', 'GB')
      ), sold as (
        insert into products (merchant_id, sku, title, price_minor, currency)
        values ('rival', 'RIVAL-ONLY', 'Product of the rival', 99, 'GBP')
      )
      insert into stock (merchant_id, sku, received_units) values ('rival', 'RIVAL-ONLY', 5)`,
  });
  await world.start({ screen: oddScreen, settings: quickQueues(1), sweep: false });
  order = `ord_${await world.place('tok_ok', { PLENTY: 1 })}`;
  await world.place('tok_ok', { PLENTY: 2 });
  letter = await eventually('a message dies', async () => {
    const { dead_letters: letters } = JSON.parse((await as('demo', 'dead-letters', 'list', '--json')).out);
    return letters[0]?.message_id ?? null;
  });
  item = await eventually('an order is held', async () => {
    const { items } = JSON.parse((await as('demo', 'inbox', 'list', '--json')).out);
    return items[0]?.item_id ?? null;
  });
});
afterAll(() => world?.stop());

const as = (merchant: string, ...argv: string[]) => onetill(world.url, ['--merchant', merchant, ...argv]);

/** Everything that a command could change. */
async function state(): Promise<unknown> {
  return await world.database.query({
    text: `
      select (select jsonb_agg(to_jsonb(o) order by order_id) from orders o) as orders,
             (select jsonb_agg(to_jsonb(d) order by message_id) from dead_letters d) as letters,
             (select jsonb_agg(to_jsonb(i) order by item_id) from operator_inbox i) as items,
             (select jsonb_agg(to_jsonb(s) order by merchant_id, sku) from stock s) as stock,
             (select jsonb_agg(to_jsonb(c) order by merchant_id, caller_id) from callers c) as callers,
             (select count(*) from audit_entries) as audit
      limit 1`,
  });
}

test('no command of one merchant reads or changes by its id what is of another', async () => {
  const commands: string[][] = [
    ['orders', 'show', order],
    ['orders', 'show', order, '--personal'],
    ['orders', 'accept', order],
    ['orders', 'refuse', order],
    ['dead-letters', 'show', letter],
    ['dead-letters', 'replay', letter],
    ['dead-letters', 'discard', letter, '--why', 'to try'],
    ['inbox', 'close', item, '--resolution', 'to try'],
    ['stock', 'show', 'PLENTY'],
    ['stock', 'set', 'PLENTY', '1', '--reason', 'to try'],
    ['callers', 'revoke', 'shop'],
    ['events', '--order', order],
  ];
  const before = await state();
  for (const command of commands) {
    const said = await as('rival', ...command);
    expect([command, said.exitCode, said.out]).toEqual([command, 3, '']);
    expect(said.err).not.toMatch(/London|ada-|held|one unit/);
  }
  expect(await state()).toEqual(before);
  expect((await as('demo', 'orders', 'show', order)).exitCode).toBe(0);
  expect((await as('demo', 'stock', 'show', 'PLENTY')).exitCode).toBe(0);
});

test('no list of one merchant holds anything of another', async () => {
  const lists = [
    'orders list',
    'dead-letters list --status all',
    'inbox list --all',
    'callers list',
    'events',
    'queues',
  ];
  const ofDemo = [order, letter, item, 'PLENTY', 'Shop', 'one unit'];
  for (const list of [...lists, 'stock list']) {
    for (const form of [[], ['--json']]) {
      const said = await as('rival', ...list.split(' '), ...form);
      expect([list, said.exitCode]).toEqual([list, 0]);
      for (const each of ofDemo) expect([list, said.out.includes(each)]).toEqual([list, false]);
    }
  }
  const letters = async (merchant: string): Promise<number> => {
    const { queues } = JSON.parse((await as(merchant, 'queues', '--json')).out) as {
      queues: { dead_letters: number }[];
    };
    return queues.reduce((sum, queue) => sum + queue.dead_letters, 0);
  };
  expect([await letters('rival'), await letters('demo')]).toEqual([0, 1]);
  expect((await as('rival', 'stock', 'list')).out).toContain('RIVAL-ONLY');
  expect((await as('demo', 'inbox', 'list')).out).toContain(item);
});

test('with several merchants a command that names none is refused, and says which there are', async () => {
  const said = await onetill(world.url, ['orders', 'show', order]);
  expect(said).toMatchObject({ exitCode: 2, out: '' });
  expect(said.err).toContain('--merchant');
});
