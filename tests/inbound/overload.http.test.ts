import { afterEach, expect, test } from 'vitest';
import { startRim, stopRims } from './rim-under-test.ts';

afterEach(stopRims);

test('above the cap requests are told to come back, and probes are answered all the same', async () => {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const rim = await startRim(({ server }) => {
    server.get('/slow', async () => {
      await held;
      return {};
    });
    server.get('/probe', { config: { alwaysAnswered: true } }, async () => ({}));
  }, 2);
  const slow = [fetch(`${rim.url}/slow`), fetch(`${rim.url}/slow`)];
  await expect.poll(async () => (await fetch(`${rim.url}/slow`)).status).toBe(503);
  const refused = await fetch(`${rim.url}/slow`);
  expect([refused.headers.get('retry-after'), ((await refused.json()) as { code: string }).code]).toEqual([
    '1',
    'overloaded',
  ]);
  expect((await fetch(`${rim.url}/probe`)).status).toBe(200);
  release();
  expect((await Promise.all(slow)).map((response) => response.status)).toEqual([200, 200]);
  await expect.poll(async () => (await fetch(`${rim.url}/slow`)).status).toBe(200);
});

test('a flood is refused before its bodies are read, on connections that stay, and leaves nothing behind', async () => {
  let handled = 0;
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const rim = await startRim(({ server }) => {
    server.post('/slow', async () => {
      handled += 1;
      await held;
      return {};
    });
  });
  const ask = async (body: string) => {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${rim.url}/slow`, { method: 'POST', headers, body });
    const { status } = response;
    return { status, retryAfter: response.headers.get('retry-after'), text: await response.text() };
  };
  // As many as are let in before it is known how quick they are.
  const first = Array.from({ length: 128 }, () => ask('{}'));
  await expect.poll(() => handled).toBe(128);
  // Were they parsed, they would be refused as malformed.
  const flood = await Promise.all(Array.from({ length: 200 }, () => ask('{ nonsense')));
  for (const { status, retryAfter, text } of flood) {
    expect([status, retryAfter, JSON.parse(text).code]).toEqual([503, '1', 'overloaded']);
  }
  await expect.poll(() => rim.turnedAway()).toBe(200);
  expect(rim.logged).toEqual([]);
  const connections = rim.inbound.server.server;
  const open = await new Promise((resolve) => connections.getConnections((_, count) => resolve(count)));
  expect(open).toBeGreaterThan(200);
  release();
  expect(new Set((await Promise.all(first)).map(({ status }) => status))).toEqual(new Set([200]));
  for (let round = 0; round < 5; round += 1) {
    const after = await Promise.all(Array.from({ length: 100 }, () => ask('{}')));
    expect(new Set(after.map(({ status }) => status))).toEqual(new Set([200]));
  }
});

test('requests that wait on purpose keep nobody out', async () => {
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const rim = await startRim(({ server }) => {
    server.get('/poll', (request) => request.aside(() => held.then(() => ({}))));
    server.get('/quick', async () => ({}));
  }, 2);
  const polls = Array.from({ length: 10 }, () => fetch(`${rim.url}/poll`));
  const statuses = async () => Promise.all(polls.map(async (poll) => (await poll).status));
  for (let tries = 0; tries < 20; tries += 1) expect((await fetch(`${rim.url}/quick`)).status).toBe(200);
  release();
  expect(new Set(await statuses())).toEqual(new Set([200]));
  await expect.poll(async () => (await fetch(`${rim.url}/quick`)).status).toBe(200);
});
