import { connect, createServer, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { randomFrom } from '../harness/world.ts';
import { type FaultProxy, startFaultProxy } from './proxy.ts';

/** An echo that remembers who is connected, behind a proxy. */
let proxy: FaultProxy;
const behind = new Set<Socket>();
const echo = createServer({ allowHalfOpen: true }, (socket) => {
  behind.add(socket);
  socket.on('error', () => {});
  socket.on('data', (piece) => socket.write(piece));
  socket.on('end', () => socket.end());
  socket.on('close', () => behind.delete(socket));
});

beforeEach(async () => {
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
  const { port } = echo.address() as { port: number };
  proxy = await startFaultProxy({ target: () => ({ host: '127.0.0.1', port }), random: randomFrom(7) });
});
afterEach(async () => {
  await proxy.stop();
  for (const socket of behind) socket.destroy();
  await new Promise((resolve) => echo.close(resolve));
});

/** A client of the proxy, with what it has heard and how it ended. */
async function call(): Promise<Client> {
  const client: Client = { socket: connect(proxy.port, '127.0.0.1'), heard: '', ended: null };
  client.socket.on('data', (piece) => {
    client.heard += piece.toString();
  });
  client.socket.on('end', () => {
    client.ended ??= 'end';
  });
  client.socket.on('error', (error: NodeJS.ErrnoException) => {
    client.ended ??= error.code ?? 'error';
  });
  await Promise.race(['connect', 'error'].map((event) => new Promise((resolve) => client.socket.once(event, resolve))));
  return client;
}

type Client = { readonly socket: Socket; heard: string; ended: string | null };

async function ask(client: Client, text: string): Promise<string> {
  client.heard = '';
  client.socket.write(text);
  await until(() => client.heard.length >= text.length || client.ended !== null, 400);
  return client.heard;
}

async function until(isSo: () => boolean, withinMs = 2_000): Promise<void> {
  for (const deadline = Date.now() + withinMs; !isSo() && Date.now() < deadline; ) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('a healthy way carries both directions and their ends, and leaves no connection behind', async () => {
  const client = await call();
  const long = 'x'.repeat(3_000_000);
  expect(await ask(client, 'hello')).toBe('hello');
  client.heard = '';
  client.socket.end(long);
  await until(() => client.ended !== null);
  expect([client.heard.length, client.ended]).toEqual([long.length, 'end']);
  await until(() => proxy.connections() === 0 && behind.size === 0);
  expect([proxy.connections(), behind.size]).toEqual([0, 0]);
  expect(Object.values(proxy.hits()).every((hits) => hits === 0)).toBe(true);
});

describe('a fault hits what is connected as well as what comes, and is over when healed', () => {
  test('latency delays every piece both ways, keeps the order, and goes', async () => {
    const client = await call();
    await ask(client, 'warm');
    await proxy.set({ kind: 'latency', delayMs: 60, jitterMs: 30 });
    const begunAt = performance.now();
    client.heard = '';
    for (const piece of ['1', '2', '3', '4', '5']) {
      client.socket.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 3));
    }
    await until(() => client.heard.length === 5);
    expect(client.heard).toBe('12345');
    expect(performance.now() - begunAt).toBeGreaterThan(60);
    expect(proxy.hits().latency).toBeGreaterThan(1);
    await proxy.heal();
    const healedAt = performance.now();
    expect(await ask(client, 'again')).toBe('again');
    expect(performance.now() - healedAt).toBeLessThan(50);
  });

  test('reset answers with RST, whoever is connected and whoever connects', async () => {
    const client = await call();
    await ask(client, 'warm');
    await proxy.set({ kind: 'reset' });
    await until(() => client.ended !== null);
    expect(client.ended).toBe('ECONNRESET');
    await until(() => behind.size === 0);
    expect(behind.size).toBe(0);
    const late = await call();
    await ask(late, 'anyone?');
    expect(late.ended).toMatch(/ECONNRESET|EPIPE/);
    await proxy.heal();
    expect(await ask(await call(), 'again')).toBe('again');
  });

  test('a black hole takes what is sent and says nothing, and resets whom it robbed when it is healed', async () => {
    const client = await call();
    const quiet = await call();
    await ask(client, 'warm');
    await ask(quiet, 'warm');
    await proxy.set({ kind: 'black hole' });
    const late = await call();
    expect(await ask(client, 'anyone?')).toBe('');
    expect(await ask(late, 'anyone?')).toBe('');
    expect([client.ended, late.ended]).toEqual([null, null]);
    await proxy.heal();
    await until(() => client.ended !== null && late.ended !== null);
    expect([client.ended, late.ended]).toEqual(['ECONNRESET', 'ECONNRESET']);
    expect(await ask(quiet, 'still here')).toBe('still here');
    expect(proxy.hits()['black hole']).toBe(2);
  });

  test('where nobody listens connections are refused, and the same port serves again', async () => {
    const client = await call();
    await ask(client, 'warm');
    await proxy.set({ kind: 'refuse' });
    await until(() => client.ended !== null);
    expect((await call()).ended).toBe('ECONNREFUSED');
    await proxy.heal();
    expect(await ask(await call(), 'again')).toBe('again');
    expect(proxy.hits().refuse).toBeGreaterThan(0);
  });

  test('a slow close hides that the far end has gone, lets others pass, and tells no one of an end', async () => {
    const client = await call();
    await ask(client, 'warm');
    await proxy.set({ kind: 'slow close' });
    await until(() => behind.size === 0);
    expect(await ask(client, 'anyone?')).toBe('');
    expect(client.ended).toBeNull();
    const late = await call();
    expect(await ask(late, 'hello')).toBe('hello');
    late.socket.end();
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect([late.ended, behind.size]).toEqual([null, 1]);
    await proxy.heal();
    await until(() => late.ended !== null && client.ended !== null && behind.size === 0);
    expect([late.ended, client.ended, behind.size]).toEqual(['end', 'ECONNRESET', 0]);
  });

  test('an answer is cut after so many bytes, and the question had arrived', async () => {
    const client = await call();
    await ask(client, 'warm');
    await proxy.set({ kind: 'cut mid-reply', afterBytes: 7 });
    const late = await call();
    for (const each of [client, late]) {
      await ask(each, 'a long question');
      await until(() => each.ended !== null);
      expect(each.heard).toBe('a long ');
    }
    expect(proxy.hits()['cut mid-reply']).toBe(2);
    await proxy.heal();
    expect(await ask(await call(), 'a long question')).toBe('a long question');
  });
});

test('one fault takes the place of another, and a stop ends whatever is in force', async () => {
  const client = await call();
  await ask(client, 'warm');
  await proxy.set({ kind: 'black hole' });
  await proxy.set({ kind: 'latency', delayMs: 10, jitterMs: 0 });
  expect(await ask(client, 'hello')).toBe('hello');
  await proxy.set({ kind: 'slow close' });
  await proxy.stop();
  await until(() => client.ended !== null);
  expect(proxy.connections()).toBe(0);
  expect((await call()).ended).toBe('ECONNREFUSED');
});
