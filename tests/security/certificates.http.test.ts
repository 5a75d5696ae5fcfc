import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { DEFAULT_MIN_VERSION, connect as tlsConnect } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createOutbound } from '../../src/shared/outbound.ts';
import { parties } from '../../src/shared/parties.ts';
import { selfSigned } from './certificate.ts';

let server: Server;
let origin: string;
let requests = 0;
const made = selfSigned();
beforeAll(async () => {
  server = createServer(made, (_request, response) => {
    requests += 1;
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server?.closeAllConnections();
  server?.close();
});

test('a party whose certificate nobody vouches for is told nothing, whatever the environment says', async () => {
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = '0';
  const outbound = createOutbound({ parties, origins: { 'payment-provider': [{ origin, reach: 'loopback' }] } });
  const outcome = await outbound.call({
    party: 'payment-provider',
    method: 'POST',
    url: `${origin}/v1/authorisations`,
    headers: { authorization: 'Bearer our-key' },
    body: '{}',
  });
  await outbound.stop();
  Reflect.deleteProperty(process.env, 'NODE_TLS_REJECT_UNAUTHORIZED');
  expect(outcome).toEqual({ kind: 'could-not-post', reason: 'no_connection' });
  expect(requests).toBe(0);
});

test('the server of this suite speaks to those who trust it, so that the refusal is about trust', async () => {
  const { port } = server.address() as AddressInfo;
  const protocol = await new Promise<string | null>((resolve, reject) => {
    const socket = tlsConnect({ port, host: '127.0.0.1', ca: made.cert }, () => {
      resolve(socket.authorized ? socket.getProtocol() : null);
      socket.destroy();
    });
    socket.on('error', reject);
  });
  expect(protocol).toBe('TLSv1.3');
  expect(DEFAULT_MIN_VERSION).toBe('TLSv1.2');
});
