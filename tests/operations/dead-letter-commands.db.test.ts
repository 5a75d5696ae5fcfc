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

  test('a discarded letter says who and why, and is not replayed any more', async () => {
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
    const replayed = await cli('dead-letters', 'replay', letterId);
    expect(replayed).toMatchObject({ exitCode: 4, err: `onetill: ${letterId} was discarded by ada already.\n` });
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
