import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { authorisationOf } from '../../src/payments/providers/simulated.ts';
import { verifyWebhook } from '../../src/payments/webhook-signature.ts';
import { machineClock, sleep } from '../../src/shared/clock.ts';
import { Secret } from '../../src/shared/secret.ts';
import { done, pounds, request } from './provider-under-test.ts';
import { connectTo, controlOf, startSimulator, temporaryFolder, webhookSecret } from './simulator.ts';

type Received = { readonly headers: IncomingHttpHeaders; readonly body: string; readonly event: Event };
type Event = { readonly id: string; readonly type: string; readonly data: { readonly key: string } };

/** A shop's webhook address: keeps what arrives, and answers what it is told to. */
async function startReceiver(statusOf: () => number = () => 204) {
  const received: Received[] = [];
  const server = createServer(async (message, response) => {
    let body = '';
    for await (const chunk of message) body += chunk;
    received.push({ headers: message.headers, body, event: JSON.parse(body) as Event });
    response.writeHead(statusOf()).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/webhooks`,
    port,
    received,
    types: () => received.map(({ event }) => event.type),
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 400 && !holds(); turn += 1) await sleep(10);
  expect(holds()).toBe(true);
}

describe('webhooks of the provider', () => {
  let folder: { path: string; remove: () => Promise<void> };
  let stops: (() => Promise<void>)[] = [];
  beforeEach(async () => {
    folder = await temporaryFolder();
    stops = [];
  });
  afterEach(async () => {
    for (const stop of stops.reverse()) await stop();
    await folder.remove();
  });

  async function start(webhookUrl: string) {
    const simulator = await startSimulator(folder.path, { webhookUrl, webhookRetryMs: 20 });
    const { provider, outbound } = connectTo(simulator.url, { totalTimeoutMs: 500 });
    stops.push(simulator.stop, outbound.stop);
    return { provider, stop: simulator.stop, ...controlOf(simulator.url) };
  }
  async function receiver(statusOf?: () => number) {
    const shop = await startReceiver(statusOf);
    stops.push(shop.stop);
    return shop;
  }

  test('every movement is told, signed so that our own check verifies it', async () => {
    const shop = await receiver();
    const { provider } = await start(shop.url);
    const { amount, ...rest } = request('a');
    const { providerReference } = done(await provider.authorise({ amount, ...rest }));
    done(await provider.capture({ key: 'c', providerReference, amount }));
    done(await provider.refund({ key: 'r', providerReference, amount }));
    await provider.authorise(request('b', 'tok_card_declined'));
    const voided = done(await provider.authorise(request('d')));
    done(await provider.void({ key: 'v', providerReference: voided.providerReference }));
    await until(() => shop.received.length === 6);
    const told = ['authorised', 'authorised', 'captured', 'declined', 'refunded', 'voided'];
    expect(shop.types().sort()).toEqual(told.map((type) => `authorisation.${type}`));
    for (const { headers, body, event } of shop.received) {
      const secrets = [new Secret(webhookSecret)];
      const nowMs = machineClock.nowMs();
      expect(verifyWebhook({ rawBody: body, headers, secrets, nowMs, toleranceMs: 300_000 })).toMatchObject({
        id: event.id,
      });
      expect(authorisationOf(event.data)).not.toBeNull();
    }
  });

  test('an event that is not taken is sent again with the same id until it is', async () => {
    let refusals = 3;
    const shop = await receiver(() => (refusals-- > 0 ? 500 : 200));
    const { provider, books } = await start(shop.url);
    done(await provider.authorise(request('a')));
    await until(() => shop.received.length === 4);
    expect(new Set(shop.received.map(({ event }) => event.id)).size).toBe(1);
    await sleep(100);
    expect(shop.received).toHaveLength(4);
    expect((await books()).at(-1)).toMatchObject({ webhooks: { pending: 0, delivered: 1 } });
  });

  test('what was not delivered before the provider stopped is delivered after it starts again', async () => {
    const nobody = await receiver(() => 503);
    const first = await start(nobody.url);
    for (const key of ['a', 'b', 'c']) done(await first.provider.authorise(request(key)));
    await until(() => nobody.received.length >= 3);
    await first.stop();
    const shop = await receiver();
    await start(shop.url);
    await until(() => shop.received.length === 3);
    const idsBefore = new Set(nobody.received.map(({ event }) => event.id));
    expect(new Set(shop.received.map(({ event }) => event.id))).toEqual(idsBefore);
  });

  test('an early event arrives before the answer to the request', async () => {
    const shop = await receiver();
    const { provider, inject } = await start(shop.url);
    await inject({ operation: 'webhook', fault: 'early' });
    done(await provider.authorise(request('a')));
    expect(shop.types()).toEqual(['authorisation.authorised']);
  });

  test('an event arrives twice, late, never or after its successor when that is asked for', async () => {
    const shop = await receiver();
    const { provider, inject, hits } = await start(shop.url);
    await inject({ operation: 'webhook', fault: 'twice', match: { reference: 'pay-a' } });
    done(await provider.authorise(request('a')));
    await until(() => shop.received.length === 2);
    expect(shop.received[0]?.event.id).toBe(shop.received[1]?.event.id);

    await inject({ operation: 'webhook', fault: 'never', match: { reference: 'pay-b' } });
    await inject({ operation: 'webhook', fault: 'late', match: { reference: 'pay-c' }, parameters: { ms: 300 } });
    done(await provider.authorise(request('b')));
    done(await provider.authorise(request('c')));
    await sleep(100);
    expect(shop.received).toHaveLength(2);
    await until(() => shop.received.length === 3);
    expect(shop.received[2]?.event.data.key).toBe('c');

    const match = { reference: 'pay-d', event_type: 'authorisation.authorised' };
    await inject({ operation: 'webhook', fault: 'reordered', match });
    const { providerReference } = done(await provider.authorise(request('d')));
    await sleep(50);
    done(await provider.capture({ key: 'capture-d', providerReference, amount: pounds(1n) }));
    await until(() => shop.received.length === 5);
    expect(shop.types().slice(3)).toEqual(['authorisation.captured', 'authorisation.authorised']);
    expect(await hits()).toBe(4);
  });

  test('a request that is repeated under its key makes no second event', async () => {
    const shop = await receiver();
    const { provider } = await start(shop.url);
    done(await provider.authorise(request('a')));
    done(await provider.authorise(request('a')));
    await until(() => shop.received.length === 1);
    await sleep(50);
    expect(shop.received).toHaveLength(1);
  });
});
