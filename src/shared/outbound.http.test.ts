import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { sleep } from './clock.ts';
import { createOutbound, type OutboundOptions, type OutboundOutcome } from './outbound.ts';
import { type Party, parties, partiesAsMarkdown } from './parties.ts';

type Limits = Partial<{ [Name in keyof Party]: Party[Name] extends { value: number } ? number : never }>;
type Options = OutboundOptions<'somebody'>;

let stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  const started = stops.reverse();
  stops = [];
  for (const stop of started) await stop();
});

function client(origin: string, limits: Limits = {}, more: Partial<Options> = {}) {
  const changed = Object.entries(limits).map(([name, value]) => [name, { value, why: 'the test needs it' }]);
  const party: Party = { ...parties['payment-provider'], ...Object.fromEntries(changed) };
  const outbound = createOutbound({
    parties: { somebody: party },
    origins: { somebody: [{ origin, reach: 'loopback' }] },
    ...more,
  });
  stops.push(outbound.stop);
  const get = (path = '/'): Promise<OutboundOutcome> =>
    outbound.call({ party: 'somebody', method: 'GET', url: `${origin}${path}` });
  return { outbound, get };
}

async function serve(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function closedPort(): Promise<string> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

describe('a call out of the process', () => {
  test('an answer comes back with its status, headers and body, and the trace goes along', async () => {
    const origin = await serve((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        response.writeHead(418, { 'X-Kind': 'Teapot' });
        response.end(
          JSON.stringify([request.method, request.url, body, request.headers.traceparent, request.headers.key]),
        );
      });
    });
    const { outbound } = client(origin, {}, { traceparent: () => 'trace-of-the-work' });
    const asked = {
      party: 'somebody',
      method: 'POST',
      url: `${origin}/a?b=c`,
      headers: { key: 'k' },
      body: 'é',
    } as const;
    const first = await outbound.call(asked);
    expect(first).toMatchObject({ kind: 'reply', status: 418, headers: { 'x-kind': 'Teapot' } });
    expect(first.kind === 'reply' && JSON.parse(first.body)).toEqual(['POST', '/a?b=c', 'é', 'trace-of-the-work', 'k']);
    const second = await outbound.call({ ...asked, traceparent: 'its-own' });
    expect(second.kind === 'reply' && second.body).toContain('its-own');
  });

  test('a redirect is an answer and is not followed', async () => {
    const seen: (string | undefined)[] = [];
    const origin = await serve((request, response) => {
      seen.push(request.url);
      response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end();
    });
    expect(await client(origin).get('/start')).toMatchObject({ kind: 'reply', status: 302 });
    expect(seen).toEqual(['/start']);
  });

  test('where nobody listens nothing was posted, after a second try that the budget allows', async () => {
    const { get } = client(await closedPort());
    expect(await get()).toEqual({ kind: 'could-not-post', reason: 'no_connection' });
  });

  test('an answer that does not come in time is unknown, however it fails to come', async () => {
    const silent = await serve(() => {});
    expect(await client(silent, { totalTimeoutMs: 100 }).get()).toEqual({ kind: 'unknown', reason: 'timeout' });
    expect(await client(silent, { headersTimeoutMs: 100 }).get()).toEqual({ kind: 'unknown', reason: 'timeout' });
    const dripping = await serve((_, response) => {
      response.writeHead(200);
      const drip = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(drip));
    });
    expect(await client(dripping, { totalTimeoutMs: 150 }).get()).toEqual({ kind: 'unknown', reason: 'timeout' });
  });

  test('a connection that is cut after the request is unknown, and is not tried again', async () => {
    let requests = 0;
    const cutting = await serve((request) => {
      requests += 1;
      request.socket.destroy();
    });
    expect(await client(cutting).get()).toEqual({ kind: 'unknown', reason: 'connection_lost' });
    const half = await serve((request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half', () => request.socket.destroy());
    });
    expect(await client(half).get()).toEqual({ kind: 'unknown', reason: 'connection_lost' });
    const noise = createTcpServer((socket) => socket.resume().end('this is not HTTP\r\n\r\n'));
    await new Promise<void>((resolve) => noise.listen(0, '127.0.0.1', resolve));
    stops.push(() => new Promise((resolve) => noise.close(() => resolve())));
    const { port } = noise.address() as AddressInfo;
    expect((await client(`http://127.0.0.1:${port}`).get()).kind).toBe('unknown');
    expect(requests).toBe(1);
  });

  test('an answer above the limit is cut off, a request above it is a bug', async () => {
    const origin = await serve((_, response) => response.end('x'.repeat(5_000)));
    const { get, outbound } = client(origin, { responseBytesMax: 1_000, requestBytesMax: 10 });
    expect(await get()).toEqual({ kind: 'unknown', reason: 'response_too_large' });
    const large = outbound.call({ party: 'somebody', method: 'POST', url: origin, body: 'x'.repeat(11) });
    await expect(large).rejects.toThrow('within the limit');
  });

  test('beyond the calls at once and the calls that wait, a call is turned away unposted', async () => {
    let atOnce = 0;
    let most = 0;
    const origin = await serve((_, response) => {
      atOnce += 1;
      most = Math.max(most, atOnce);
      setTimeout(() => {
        atOnce -= 1;
        response.end();
      }, 50);
    });
    const { get } = client(origin, { concurrencyMax: 2, queueMax: 3 });
    const outcomes = await Promise.all(Array.from({ length: 8 }, () => get()));
    expect(outcomes.filter(({ kind }) => kind === 'reply')).toHaveLength(5);
    const turnedAway = { kind: 'could-not-post', reason: 'too_many_calls' };
    expect(outcomes.filter(({ kind }) => kind !== 'reply')).toEqual([turnedAway, turnedAway, turnedAway]);
    expect(most).toBe(2);
  });

  test('a call that waits in the queue past its deadline was not posted', async () => {
    let requests = 0;
    const origin = await serve(() => {
      requests += 1;
    });
    const { get } = client(origin, { concurrencyMax: 1, totalTimeoutMs: 150 });
    const first = get();
    await sleep(20);
    const second = get();
    expect(await first).toEqual({ kind: 'unknown', reason: 'timeout' });
    expect((await second).kind).not.toBe('reply');
    await sleep(50);
    expect(requests).toBeLessThanOrEqual(2);
  });

  test('the circuit opens after failures, turns calls away at once, and closes when the party is well', async () => {
    let healthy = false;
    let requests = 0;
    const origin = await serve((_, response) => {
      requests += 1;
      response.writeHead(healthy ? 200 : 500).end();
    });
    const { get, outbound } = client(origin, { breakerCallsMin: 5, breakerWindowMs: 5_000, breakerOpenMs: 200 });
    for (let call = 0; call < 5; call += 1) expect((await get()).kind).toBe('reply');
    expect(outbound.state('somebody').circuit).toBe('open');
    expect(await get()).toEqual({ kind: 'could-not-post', reason: 'circuit_open', retryAfterMs: 200 });
    expect(requests).toBe(5);
    healthy = true;
    await sleep(250);
    expect(await get()).toMatchObject({ kind: 'reply', status: 200 });
    expect(outbound.state('somebody').circuit).toBe('closed');
  });

  test('refusals and 429 leave the circuit closed', async () => {
    const origin = await serve((request, response) => response.writeHead(request.url === '/slow' ? 429 : 402).end());
    const { get, outbound } = client(origin, { breakerCallsMin: 5 });
    for (let call = 0; call < 20; call += 1) await get(call % 2 === 0 ? '/slow' : '/declined');
    expect(outbound.state('somebody').circuit).toBe('closed');
  });

  test('second tries stay within their budget', async () => {
    const tries: number[] = [];
    const lookup = ((_: string, __: object, answer: (error: Error) => void) => {
      tries.push(1);
      answer(Object.assign(new Error('no such host'), { code: 'ENOTFOUND' }));
    }) as unknown as NonNullable<Options['lookup']>;
    const origin = 'http://provider.localhost:9';
    const { get } = client(origin, { breakerCallsMin: 1_000_000, retryPercentMax: 10 }, { lookup });
    for (let call = 0; call < 40; call += 1) {
      expect(await get()).toEqual({ kind: 'could-not-post', reason: 'no_connection' });
    }
    expect(tries.length).toBeGreaterThan(40);
    expect(tries.length).toBeLessThanOrEqual(40 + 10 + 4);
  });

  test('a name that resolves to a private address is not called, not even beside a public one', async () => {
    let requests = 0;
    const target = await serve((_, response) => {
      requests += 1;
      response.end();
    });
    const { port } = new URL(target);
    const origin = `https://pay.example:${port}`;
    const answers = [['127.0.0.1'], ['8.8.8.8', '127.0.0.1'], ['::ffff:127.0.0.1'], ['169.254.169.254'], []];
    for (const addresses of answers) {
      const resolved = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
      const lookup = ((_: string, __: object, answer: (error: null, found: object[]) => void) =>
        answer(null, resolved)) as unknown as NonNullable<Options['lookup']>;
      const { outbound } = client(
        'http://127.0.0.1:1',
        {},
        {
          parties: { somebody: { ...parties['payment-provider'], ports: [Number(port)] } },
          origins: { somebody: [{ origin, reach: 'public' }] },
          lookup,
        },
      );
      const outcome = await outbound.call({ party: 'somebody', method: 'GET', url: `${origin}/` });
      expect(outcome).toEqual({ kind: 'could-not-post', reason: 'address_refused' });
    }
    expect(requests).toBe(0);
  });

  test('a URL off the allow list is not called, and a wrong allow list fails at the start', async () => {
    const origin = await serve((_, response) => response.end());
    const { outbound } = client(origin);
    for (const url of ['http://169.254.169.254/', `${origin.replace('127.0.0.1', 'localhost')}/`, 'https://8.8.8.8/']) {
      const outcome = await outbound.call({ party: 'somebody', method: 'GET', url });
      expect(outcome).toEqual({ kind: 'could-not-post', reason: 'origin_not_allowed' });
    }
    const wrong = ['http://pay.example', 'https://10.0.0.1', 'https://pay.example/path', 'https://pay.example:22'];
    for (const wrongOrigin of wrong) {
      const start = () => client('', {}, { origins: { somebody: [{ origin: wrongOrigin, reach: 'public' }] } });
      expect(start, wrongOrigin).toThrow('an origin of somebody');
    }
  });

  test('what is under way when the client stops is unknown, and nothing is called after it', async () => {
    const origin = await serve(() => {});
    const { outbound, get } = client(origin);
    const call = get();
    await sleep(50);
    await outbound.stop();
    expect(await call).toEqual({ kind: 'unknown', reason: 'timeout' });
    expect(await get()).toEqual({ kind: 'could-not-post', reason: 'stopped' });
  });

  test('every number of the table of parties stands in its rendering with its reason', () => {
    const markdown = partiesAsMarkdown();
    for (const [name, party] of Object.entries(parties)) {
      expect(markdown).toContain(`## ${name}`);
      for (const limit of Object.values(party)) {
        if (typeof limit !== 'object' || !('why' in limit)) continue;
        expect(markdown).toContain(`| ${limit.value} | ${limit.why} |`);
      }
    }
    expect(Object.keys(parties).length).toBeGreaterThan(0);
  });
});
