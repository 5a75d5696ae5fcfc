import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { FraudScreen } from '../../src/fraud/screen.ts';
import { endOf, eventually, quickQueues, type RunningShop } from '../harness/shop.ts';
import { openWorld, type TestWorld } from '../harness/world.ts';
import { onetill } from './captured.ts';

const breaks: FraudScreen = {
  kind: 'local',
  name: 'breaks',
  judge() {
    throw new Error('the screen is broken');
  },
};

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

async function stop(shop: RunningShop): Promise<void> {
  running = running.filter((each) => each !== shop);
  await shop.stop();
}

async function placeDead(): Promise<{ id: string; letterId: string }> {
  const broken = await start({ screen: breaks, settings: quickQueues(1), sweep: false });
  const id = `ord_${await world.place('tok_ok')}`;
  const letterId = await eventually('the message dies', async () => {
    const { dead_letters: letters } = await json('dead-letters', 'list');
    return letters.find((each: { order_id: string }) => each.order_id === id)?.message_id ?? null;
  });
  await stop(broken);
  return { id, letterId };
}

describe('dead letters', () => {
  test('a dead letter is listed and shown with its reason and every attempt', async () => {
    const { id, letterId } = await placeDead();
    expect((await cli('dead-letters', 'list')).out).toContain(letterId);
    const shown = await cli('dead-letters', 'show', letterId);
    expect(shown.out).toContain('the screen is broken');
    expect(shown.out).toContain(id);
    expect(await json('dead-letters', 'show', letterId)).toMatchObject({
      queue: 'screening',
      type: 'screen-for-fraud',
      order_id: id,
      status: 'open',
      payload: {},
      history: [{ attempt: 1, by: 'worker under test' }],
    });
    const next = `screen-for-fraud is a dead letter: mend the cause, then onetill dead-letters replay ${letterId}.`;
    expect((await json('orders', 'show', id)).next).toContain(next);
    const { queues } = await json('queues');
    expect(queues.find((each: { queue: string }) => each.queue === 'screening').dead_letters).toBeGreaterThan(0);
    expect(await cli('dead-letters', 'discard', letterId, '--by', 'ada', '--why', 'seen')).toMatchObject({
      exitCode: 0,
    });
  });

  test('a replayed letter is tried anew with its history kept, and its order comes to its end', async () => {
    const { id, letterId } = await placeDead();
    const said = await cli('dead-letters', 'replay', letterId, '--by', 'ada');
    expect(said).toMatchObject({ exitCode: 0, out: `${letterId} is replayed.\n` });
    const waiting = await json('orders', 'show', id);
    expect(waiting.messages).toMatchObject([{ message_id: letterId, attempt: 0, history: [{ attempt: 1 }] }]);
    expect(waiting.dead_letters).toMatchObject([{ status: 'replayed', settled_by: 'ada' }]);
    await start({});
    expect(await endOf(world.database, id.slice(4))).toBe('confirmed');
    const story = await json('orders', 'show', id);
    expect(story.audit).toContainEqual(expect.objectContaining({ actor: 'ada', action: 'dead letter replayed' }));
    const told = story.timeline.filter((row: { what: string }) => row.what.startsWith('dead letter replayed'));
    expect(told).toMatchObject([{ who: 'ada' }]);
    expect(await cli('dead-letters', 'replay', letterId)).toMatchObject({ exitCode: 4 });
  });

  test('a letter whose cause has a live message is not put beside it', async () => {
    const { letterId } = await placeDead();
    await world.database.execute({
      text: `
        insert into messages (message_id, queue, type, schema_version, merchant_id, order_id, idempotency_key, payload)
        select gen_random_uuid(), queue, type, schema_version, merchant_id, order_id, idempotency_key, payload
        from dead_letters where message_id = $1`,
      values: [letterId.slice(4)],
    });
    const said = await cli('dead-letters', 'replay', letterId);
    expect(said.exitCode).toBe(4);
    expect(said.err).toContain('A message of the same cause is in the queue already');
    expect(await json('dead-letters', 'show', letterId)).toMatchObject({ status: 'open' });
  });

  test('a discarded letter says who and why, and is taken up again by nobody but a person who names it', async () => {
    const { id, letterId } = await placeDead();
    expect(await cli('dead-letters', 'discard', letterId, '--by', 'ada')).toMatchObject({ exitCode: 2 });
    expect(await cli('dead-letters', 'discard', letterId, '--by', 'ada', '--why', 'a test order')).toMatchObject({
      exitCode: 0,
    });
    expect(await json('dead-letters', 'show', letterId)).toMatchObject({
      status: 'discarded',
      settled_by: 'ada',
      settled_why: 'a test order',
    });
    const audit = (await json('orders', 'show', id)).audit;
    expect(audit).toContainEqual(expect.objectContaining({ action: 'dead letter discarded', actor: 'ada' }));
    const again = await cli('dead-letters', 'discard', letterId, '--why', 'twice');
    expect(again).toMatchObject({ exitCode: 4, err: `onetill: ${letterId} was discarded by ada already.\n` });
    expect(await cli('dead-letters', 'replay', '--all')).toMatchObject({ exitCode: 0 });
    expect(await json('dead-letters', 'show', letterId)).toMatchObject({ status: 'discarded' });
    expect(await cli('dead-letters', 'replay', letterId)).toMatchObject({ exitCode: 0 });
    await start({});
    expect(await endOf(world.database, id.slice(4))).toBe('confirmed');
  });

  test('a parked undo runs again when its letter is replayed, and the order is cancelled', async () => {
    await world.database.query({
      text: `create function refuse_release() returns trigger language plpgsql as
             $$ begin raise exception 'the store is closed'; end $$`,
    });
    await world.database.query({
      text: `create trigger closed before update on reservations for each row execute function refuse_release()`,
    });
    await start({ settings: quickQueues(1), sweep: false });
    const id = `ord_${await world.place('tok_card_declined')}`;
    const parked = await eventually('the undo is parked', async () => {
      const story = await json('orders', 'show', id);
      return story.saga.status === 'parked' ? story : null;
    });
    expect(parked.inbox).toMatchObject([{ kind: 'compensation_parked', closed_at: null }]);
    expect(parked.next).toContain('release-stock is a dead letter');
    await world.database.execute({ text: 'drop trigger closed on reservations' });
    expect(await cli('dead-letters', 'replay', parked.dead_letters[0].message_id)).toMatchObject({ exitCode: 0 });
    expect(await endOf(world.database, id.slice(4))).toBe('cancelled');
    const story = await json('orders', 'show', id);
    expect(story.lines).toMatchObject([{ stock: 'released' }]);
    expect(story.inbox).toMatchObject([
      { closed_by: 'worker under test', resolution: expect.stringContaining('release-stock is done') },
    ]);
    const closing = ['--by', 'ada', '--resolution', 'the store is open again'];
    expect(await cli('inbox', 'close', parked.inbox[0].item_id, ...closing)).toMatchObject({ exitCode: 4 });
  });

  test('a letter or an inbox item that is not there is not found', async () => {
    const nothing = '01890a5d-ac96-774b-bcce-b302099a8057';
    expect(await cli('dead-letters', 'show', `msg_${nothing}`)).toMatchObject({ exitCode: 3 });
    expect(await cli('dead-letters', 'replay', `msg_${nothing}`)).toMatchObject({ exitCode: 3 });
    expect(await cli('inbox', 'close', `inb_${nothing}`, '--resolution', 'x')).toMatchObject({ exitCode: 3 });
    expect(await cli('dead-letters', 'replay', 'ord_x')).toMatchObject({ exitCode: 2 });
  });
});

/** Letters of messages that died long ago, without an order. */
async function die(count: number, of: { queue: string; type: string }): Promise<void> {
  await world.database.execute({
    text: `
      insert into dead_letters (message_id, queue, type, schema_version, merchant_id, idempotency_key, payload, attempt,
                                first_enqueued_at, history, reason, died_at)
      select gen_random_uuid(), $2, $3, 1, 'demo', 'cause ' || n, '{}', 20, now(), '[]', 'gave up',
             now() - interval '1 hour'
      from generate_series(1, $1::integer) n`,
    values: [count, of.queue, of.type],
  });
}

async function countOf(table: 'messages' | 'letters' | 'audit', what: string): Promise<number> {
  const texts = {
    messages: 'select count(*)::integer as count from messages where type = $1',
    letters: `select count(*)::integer as count from dead_letters where type = $1 and status = 'open'`,
    audit: 'select count(*)::integer as count from audit_entries where action = $1',
  };
  const [row] = await world.database.query<{ count: number }>({ text: texts[table], values: [what] });
  return row?.count ?? -1;
}

describe('all dead letters at once', () => {
  afterEach(async () => {
    await world.database.execute({ text: 'delete from dead_letters' });
  });

  test('all letters of a queue are replayed in batches, with a count, and each is on record', async () => {
    await die(230, { queue: 'payments', type: 'void-authorisation' });
    await die(5, { queue: 'stock', type: 'release-stock' });
    const before = await countOf('audit', 'dead letter replayed');
    const said = await cli('dead-letters', 'replay', '--all', '--queue', 'payments', '--by', 'ada');
    expect(said).toEqual({ exitCode: 0, err: '', out: '230 dead letters are replayed.\n' });
    expect(await countOf('messages', 'void-authorisation')).toBe(230);
    expect((await countOf('audit', 'dead letter replayed')) - before).toBe(230);
    expect([await countOf('letters', 'void-authorisation'), await countOf('letters', 'release-stock')]).toEqual([0, 5]);
    expect(await json('dead-letters', 'replay', '--all', '--type', 'release-stock')).toEqual({
      replayed_count: 5,
      left_count: 0,
      more: false,
    });
  });

  test('a letter whose cause has a live message is left, and the others are replayed', async () => {
    await die(3, { queue: 'stock', type: 'release-stock' });
    await world.database.execute({
      text: `
        insert into messages (message_id, queue, type, schema_version, merchant_id, idempotency_key, payload)
        values (gen_random_uuid(), 'stock', 'release-stock', 1, 'demo', 'cause 2', '{}')`,
    });
    const { out } = await cli('dead-letters', 'replay', '--all');
    expect(out).toContain('2 dead letters are replayed. 1 were left as they are: a message of the same cause');
    expect(await countOf('letters', 'release-stock')).toBe(1);
  });

  test('letters that die again at once are replayed once by one command, which ends', async () => {
    await die(150, { queue: 'stock', type: 'from-the-future' });
    await start({});
    expect(await json('dead-letters', 'replay', '--all')).toMatchObject({ replayed_count: 150, more: false });
    await eventually('all of them died again', async () => (await countOf('letters', 'from-the-future')) === 150);
  });

  test('all letters of a type are discarded, with who and why on each', async () => {
    await die(3, { queue: 'webhooks', type: 'handle-webhook' });
    await die(2, { queue: 'stock', type: 'release-stock' });
    const discard = ['dead-letters', 'discard', '--all', '--type', 'handle-webhook', '--by', 'ada'];
    expect(await cli(...discard)).toMatchObject({ exitCode: 2 });
    expect(await json(...discard, '--why', 'of a test shop')).toMatchObject({ discarded_count: 3, left_count: 0 });
    const { dead_letters: letters } = await json('dead-letters', 'list', '--status', 'discarded');
    expect(letters).toMatchObject(Array(3).fill({ settled_by: 'ada', settled_why: 'of a test shop' }));
    expect(await countOf('letters', 'release-stock')).toBe(2);
  });

  test('neither ids nor all, both, or a filter without all is wrong usage, and settles nothing', async () => {
    await die(1, { queue: 'stock', type: 'release-stock' });
    const id = 'msg_01890a5d-ac96-774b-bcce-b302099a8057';
    for (const args of [
      [],
      [id, '--all'],
      [id, '--queue', 'stock'],
      ['--type', 'release-stock'],
      ['--all', '--queue', ''],
    ]) {
      expect([args, await cli('dead-letters', 'replay', ...args)]).toMatchObject([args, { exitCode: 2, out: '' }]);
      const discarded = await cli('dead-letters', 'discard', '--why', 'x', ...args);
      expect([args, discarded]).toMatchObject([args, { exitCode: 2, out: '' }]);
    }
    expect((await cli('dead-letters', 'replay')).err).toContain('name the messages, or say --all');
    expect(await countOf('letters', 'release-stock')).toBe(1);
  });
});
