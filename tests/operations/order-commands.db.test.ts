import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newUuid } from '../../src/shared/ids.ts';
import { openWorld, type TestWorld } from '../harness/world.ts';
import { onetill } from './captured.ts';

/** What the orders of the test world hold of their buyers. */
const personalData = ['Ada', 'Byron', '@example.com', '1 High St', 'N1 1AA', 'London'];

let world: TestWorld;
let confirmed = '';
let declined = '';
beforeAll(async () => {
  world = await openWorld({ PLENTY: 1_000 }, { webhooks: 'never' });
  const shop = await world.start();
  confirmed = (await world.buy('tok_ok')).orderId;
  declined = (await world.buy('tok_card_declined', { PLENTY: 1 })).orderId;
  await shop.stop();
});
afterAll(() => world?.stop());

const cli = (...argv: string[]) => onetill(world.url, argv);

describe('onetill orders show', () => {
  test('a confirmed order is told whole on one screen: lines, money, steps, messages, who did what', async () => {
    const said = await cli('orders', 'show', `ord_${confirmed}`);
    expect(said).toMatchObject({ exitCode: 0, err: '' });
    for (const text of [
      `Order ord_${confirmed}`,
      'confirmed since',
      'Nothing: the order is confirmed',
      'GBP 5.10',
      'authorised GBP',
      'authorise      1  done',
      `${confirmed}-authorise`,
      'confirm-order',
      'event 1: Order pending',
      'Order placed',
      'caller shop',
      'worker under test',
    ]) {
      expect(said.out).toContain(text);
    }
    expect(said.out.split('\n').length).toBeLessThan(60);
  });

  test('a declined order says why, and that its stock is free again', async () => {
    const said = await cli('orders', 'show', `ord_${declined}`, '--json');
    expect(said.exitCode).toBe(0);
    const story = JSON.parse(said.out);
    expect(story).toMatchObject({
      order_id: `ord_${declined}`,
      status: 'cancelled',
      cancel_code: 'payment_failed',
      payment: { status: 'declined', attempts: [{ kind: 'authorise', calls: 1, outcome: 'refused' }] },
      saga: { status: 'compensated' },
      lines: [{ sku: 'PLENTY', quantity: 1, stock: 'released', total: { amount_minor: 255, currency: 'GBP' } }],
      messages: [],
    });
    expect(story.saga.steps.map((step: { step: string; undo: string }) => [step.step, step.undo])).toContainEqual([
      'hold-stock',
      'done',
    ]);
    expect(story.events.map((event: { sequence: string }) => Number(event.sequence))).toEqual([1, 2, 3, 4, 5]);
    expect(story.events[0]).toMatchObject({ specversion: '1.0', subject: `ord_${declined}` });
  });

  test('an order without a worker says what is due, and in which queue', async () => {
    const orderId = await world.place('tok_ok');
    const story = JSON.parse((await cli('--json', 'orders', 'show', `ord_${orderId}`)).out);
    expect(story).toMatchObject({ status: 'pending', messages: [{ queue: 'screening', attempt: 0, leased_by: null }] });
    expect(story.next).toContain('A worker takes screen-for-fraud as soon as one is free');
  });

  test('who buys is shown to nobody but those who ask for it', async () => {
    for (const format of [[], ['--json']]) {
      const said = await cli('orders', 'show', `ord_${confirmed}`, ...format);
      for (const text of personalData) expect(said.out).not.toContain(text);
      const whole = await cli('orders', 'show', `ord_${confirmed}`, '--personal', ...format);
      for (const text of personalData) expect(whole.out).toContain(text);
    }
  });

  test('an address is told in the order of a letter', async () => {
    const { out } = await cli('orders', 'show', `ord_${confirmed}`, '--personal');
    expect(out).toMatch(/^buyer +Ada Byron, ada-\S+@example\.com$/m);
    expect(out).toMatch(/^goes to +1 High St, London, N1 1AA, GB$/m);
  });

  test('one unit is one unit, and two are units', async () => {
    expect((await cli('orders', 'show', `ord_${confirmed}`)).out).toContain(' 2 units sold');
    expect((await cli('orders', 'show', `ord_${declined}`)).out).toContain(' 1 unit released');
  });

  test('an order that is not there, of another merchant or no id at all has its exit code', async () => {
    const id = `ord_${newUuid()}`;
    const missing = await cli('orders', 'show', id);
    expect(missing).toEqual({ exitCode: 3, out: '', err: `onetill: demo has no order ${id}.\n` });
    expect(await cli('orders', 'show', 'nonsense')).toMatchObject({ exitCode: 2, out: '' });
    expect(await cli('--merchant', 'nobody', 'orders', 'show', id)).toMatchObject({ exitCode: 3 });
    const asJson = await cli('orders', 'show', id, '--json');
    expect(JSON.parse(asJson.err)).toEqual({ error: { code: 'not_found', message: `demo has no order ${id}.` } });
  });
});

describe('onetill orders list', () => {
  test('orders are listed newest first, by pages, and by status', async () => {
    const first = JSON.parse((await cli('orders', 'list', '--json', '--limit', '1')).out);
    expect(first.orders).toHaveLength(1);
    const rest = JSON.parse((await cli('orders', 'list', '--json', '--before', first.next_before)).out);
    expect(rest.orders.map((order: { order_id: string }) => order.order_id)).toEqual(
      [declined, confirmed].map((id) => `ord_${id}`),
    );
    expect(rest.next_before).toBeNull();
    const cancelled = await cli('orders', 'list', '--status', 'cancelled');
    expect(cancelled.out).toContain(`ord_${declined}`);
    expect(cancelled.out).toContain('payment_failed');
    expect(cancelled.out).not.toContain(`ord_${confirmed}`);
    for (const text of personalData) expect(cancelled.out).not.toContain(text);
    const oldest = JSON.parse((await cli('orders', 'list', '--oldest', '--limit', '1', '--json')).out);
    expect(oldest.orders).toMatchObject([{ order_id: `ord_${confirmed}`, status: 'confirmed' }]);
  });

  test('a status that does not exist, a limit out of bounds and an unknown option are wrong usage', async () => {
    expect(await cli('orders', 'list', '--status', 'lost')).toMatchObject({ exitCode: 2, out: '' });
    expect(await cli('orders', 'list', '--limit', '0')).toMatchObject({ exitCode: 2 });
    expect(await cli('orders', 'list', '--colour')).toMatchObject({ exitCode: 2 });
    expect((await cli('ordres')).err).toContain('Did you mean orders?');
  });
});

describe('onetill events', () => {
  test('the events of an order come as CloudEvents, one a line, in sequence', async () => {
    const said = await cli('events', '--order', `ord_${confirmed}`);
    const events = said.out.trimEnd().split('\n');
    expect(events.map((line) => JSON.parse(line).type)).toEqual(
      ['OrderPending', 'PaymentAuthorized', 'OrderPlaced'].map((type) => `dev.onetill.${type}`),
    );
    expect(await cli('events', '--order', `ord_${newUuid()}`)).toMatchObject({ exitCode: 3, out: '' });
  });

  test('all events come once, and those that happen while somebody follows come too', async () => {
    const before = (await cli('events')).out.split('\n').length;
    const stopping = new AbortController();
    const following = onetill(world.url, ['events', '--follow'], stopping.signal);
    const orderId = await world.place('tok_ok');
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    stopping.abort();
    const { out, exitCode } = await following;
    expect(exitCode).toBe(0);
    expect(out.split('\n').length).toBe(before + 1);
    expect(out).toContain(`ord_${orderId}`);
  });
});

describe('finding the database', () => {
  test('with nothing running and nothing named, one message says what to do', async () => {
    const said = await onetill(null, ['--data', '/nowhere/onetill', 'queues']);
    expect(said.exitCode).toBe(1);
    expect(said.err).toContain('Nothing runs on /nowhere/onetill. Start it with npm start');
  });

  test('a database that is away, or that is none, is told in one line without a stack', async () => {
    const away = await onetill('postgres://nobody@127.0.0.1:1/none', ['queues']);
    expect(away).toMatchObject({ exitCode: 1, out: '' });
    expect(away.err).toMatch(/^onetill: The database cannot be reached .*\n$/);
    expect(await onetill('http://127.0.0.1:1/', ['queues'])).toMatchObject({ exitCode: 2 });
  });

  test('with several merchants the command asks for one, and shows nothing of the others', async () => {
    await world.database.execute({
      text: `insert into merchants (merchant_id, name, currency, country) values ('second', 'Second', 'EUR', 'DE')`,
    });
    const asked = await cli('orders', 'list');
    expect(asked).toMatchObject({ exitCode: 2, out: '' });
    expect(asked.err).toContain('name one of demo, second with --merchant');
    expect(JSON.parse((await cli('orders', 'list', '--merchant', 'second', '--json')).out).orders).toEqual([]);
    const empty: [string[], string][] = [
      [['orders', 'list'], 'There are no orders yet. onetill replay buys some through the API.\n'],
      [['orders', 'list', '--status', 'on_hold'], 'No order is on_hold. Without --status all are listed.\n'],
      [['dead-letters', 'list'], 'There are no open dead letters.\n'],
      [['inbox', 'list'], 'Nothing waits for a person.\n'],
      [['stock', 'list'], 'There is no stock yet. onetill import products FILE brings some.\n'],
    ];
    for (const [argv, out] of empty) {
      expect(await cli(...argv, '--merchant', 'second')).toEqual({ exitCode: 0, out, err: '' });
    }
    expect(await cli('orders', 'show', `ord_${confirmed}`, '--merchant', 'second')).toMatchObject({ exitCode: 3 });
    expect(await cli('events', '--merchant', 'second')).toMatchObject({ exitCode: 0, out: '' });
  });
});
