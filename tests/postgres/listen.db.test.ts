import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '../../src/shared/postgres/client.ts';
import { createTestDatabase, type TestDatabase } from '../harness/database.ts';
import { eventually } from '../harness/shop.ts';

let db: TestDatabase;
beforeAll(async () => {
  db = await createTestDatabase();
});
afterAll(() => db?.drop());

const listeners = {
  text: `select pid from pg_stat_activity where application_name = 'lost and found listen' limit 100`,
};

test('a listener whose connection is lost again and again listens again, on one connection', async () => {
  const database = connect({ url: db.url, applicationName: 'lost and found', connectionsMax: 1 });
  const heard: string[] = [];
  const stop = await database.listen('news', (payload) => heard.push(payload));
  try {
    for (let round = 1; round <= 3; round += 1) {
      const lost = await eventually('one listens', async () => {
        const rows = await db.database.query<{ pid: number }>(listeners);
        return rows.length === 0 ? null : rows;
      });
      expect(lost).toHaveLength(1);
      await db.database.query({ text: 'select pg_terminate_backend($1)', values: [lost[0]?.pid] });
      await eventually('another listens', async () => {
        const rows = await db.database.query<{ pid: number }>(listeners);
        return rows.length > 0 && rows[0]?.pid !== lost[0]?.pid;
      });
      await eventually(`the news of round ${round}`, async () => {
        await db.database.query({ text: 'select pg_notify($1, $2)', values: ['news', String(round)] });
        return heard.includes(String(round));
      });
    }
  } finally {
    await stop();
    await database.close();
  }
});

test('a server that takes no connections for a while is asked once per turn, and not ever more often', async () => {
  const database = connect({ url: db.url, applicationName: 'patient', connectionsMax: 1 });
  const refused: Error[] = [];
  const patient = connect({
    url: db.url,
    applicationName: 'lost and found',
    connectionsMax: 1,
    onConnectionError: (error) => refused.push(error),
  });
  const name = new URL(db.url).pathname.slice(1);
  const stop = await patient.listen('news', () => {});
  const admin = new URL(db.url);
  admin.pathname = '/postgres';
  const outside = connect({ url: admin.toString(), applicationName: 'outside', connectionsMax: 1 });
  try {
    await outside.query({ text: `alter database ${name} allow_connections false` });
    await outside.query({
      text: `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'lost and found listen'`,
    });
    await eventually('a few attempts are refused', async () => refused.length >= 6, 15_000);
    const before = refused.length;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    // Two words per attempt at the most, an attempt each half second: a storm would be at hundreds by now.
    expect(refused.length - before).toBeLessThanOrEqual(12);
  } finally {
    await outside.query({ text: `alter database ${name} allow_connections true` });
    await stop();
    await Promise.all([patient.close(), database.close(), outside.close()]);
  }
}, 30_000);
