import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { Retry, refuse } from '../../src/shared/failure.ts';
import { limits } from '../../src/shared/limits.ts';
import { echo, startRim, stopRims, talk } from './rim-under-test.ts';

afterEach(stopRims);

async function post(url: string, body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', ...headers },
  });
  // biome-ignore lint/suspicious/noExplicitAny: a test reads what a test expects
  return { status: response.status, headers: response.headers, body: (await response.json()) as any };
}

test('a body above the limit is refused with 413, and one at the limit is taken', async () => {
  const rim = await startRim(echo);
  const ofBytes = (bytes: number) => `"${'a'.repeat(bytes - 2)}"`;
  expect((await post(`${rim.url}/echo`, ofBytes(limits.bodyBytesMax))).body.rawBytes).toBe(limits.bodyBytesMax);
  const refused = await post(`${rim.url}/echo`, ofBytes(limits.bodyBytesMax + 1));
  expect([refused.status, refused.body.code]).toEqual([413, 'body_too_large']);
});

test('JSON deeper than the limit is refused, also when it is all depth', async () => {
  const rim = await startRim(echo);
  const ofDepth = (depth: number) => '['.repeat(depth) + ']'.repeat(depth);
  expect((await post(`${rim.url}/echo`, ofDepth(limits.jsonDepthMax))).status).toBe(200);
  for (const depth of [limits.jsonDepthMax + 1, 30_000]) {
    const refused = await post(`${rim.url}/echo`, ofDepth(depth));
    expect([refused.status, refused.body.code]).toEqual([400, 'input_invalid']);
  }
});

test('what is not JSON in UTF-8 is refused without a word of it', async () => {
  const rim = await startRim(echo);
  const bodies = ['{', 'SECRET', '{"a":1}SECRET', "{'SECRET':1}", new Uint8Array([0x22, 0xff, 0x22]), 'NaN', '\u0000'];
  for (const body of bodies) {
    const refused = await post(`${rim.url}/echo`, body);
    expect([refused.status, refused.body.code]).toEqual([400, 'body_malformed']);
    expect(JSON.stringify(refused.body)).not.toContain('SECRET');
  }
});

test('keys that reach a prototype, numbers that lose digits and texts that no database holds are refused', async () => {
  const rim = await startRim(echo);
  const bodies = [
    '{"__proto__":{"isAdmin":true}}',
    '{"a":{"constructor":{"prototype":{}}}}',
    '{"a":1e400}',
    '{"a":9007199254740993}',
    '{"a":"\\u0000"}',
    '{"a":"\\ud800"}',
    '{"a\\u0000":1}',
    `{"${'k'.repeat(129)}":1}`,
  ];
  for (const body of bodies) {
    const refused = await post(`${rim.url}/echo`, body);
    expect([body, refused.status, refused.body.code]).toEqual([body, 400, 'input_invalid']);
  }
});

test('keys, telephone numbers, times and trade numbers are taken, whatever their last digit', async () => {
  const rim = await startRim(echo);
  const tradeNumbers = [
    '4006381333931 4006381333948 4006381333955 4006381333962 4006381333979 4006381333986 4006381333993 4006381334006',
    '4006381334013 4006381334020',
  ].flatMap((line) => line.split(' '));
  for (const [last, sku] of tradeNumbers.entries()) {
    const body = { sku, phone: `00491511234567${last}`, other: `+49 151 1234567${last}`, at: 1_763_712_345_670 + last };
    const headers = { 'idempotency-key': `176371234567${last}`, 'request-id': `176371234567${last}` };
    const answer = await post(`${rim.url}/echo`, JSON.stringify(body), headers);
    expect([answer.status, answer.body.body]).toEqual([200, body]);
    expect(answer.headers.get('request-id')).toBe(headers['request-id']);
  }
});

test('a media type other than JSON is refused with 415', async () => {
  const rim = await startRim(echo);
  for (const type of ['text/plain', 'application/xml', 'multipart/form-data; boundary=x', 'nonsense', '']) {
    const refused = await post(`${rim.url}/echo`, '{}', { 'content-type': type });
    expect([type, refused.status, refused.body.code]).toEqual([type, 415, 'media_type_unsupported']);
  }
  expect((await post(`${rim.url}/echo`, '{}', { 'content-type': 'application/json; charset=utf-8' })).status).toBe(200);
});

test('an unknown route is a 404, a known one with another method a 405 that names its methods', async () => {
  const rim = await startRim((inbound) => {
    echo(inbound);
    inbound.server.get('/things/:id', async () => ({}));
  });
  const unknown = await fetch(`${rim.url}/nowhere?q=1`);
  expect(unknown.status).toBe(404);
  expect(unknown.headers.get('content-type')).toBe('application/problem+json');
  expect(await unknown.json()).toMatchObject({ code: 'route_not_found', status: 404, request_id: expect.any(String) });
  const wrong = await fetch(`${rim.url}/things/1`, { method: 'DELETE' });
  expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
  expect(await wrong.json()).toMatchObject({ code: 'method_not_allowed' });
  for (const path of ['/things/%ff', '/%', '/things/%zz', '//', `/things/${'a'.repeat(300)}`]) {
    const refused = await fetch(rim.url + path);
    expect(['route_not_found', 'id_malformed']).toContain(((await refused.json()) as { code: string }).code);
  }
});

test('a handler may return a refusal or throw, and nothing of an unknown error leaves', async () => {
  const rim = await startRim(({ server }) => {
    server.get('/refused', async () => refuse('not_found', 'Not with this key.', { path: '$.a' }));
    server.get('/busy', async () => {
      throw new Retry('a person is at work', { retryAfterMs: 2500 });
    });
    server.get('/cancelled', async () => {
      throw Object.assign(new Error('canceling statement due to statement timeout'), { code: '57014' });
    });
    server.get('/odd', async () => {
      throw 'a thrown text';
    });
    server.get('/bug', async () => {
      throw new TypeError('SECRET at /src/x.ts:1:2');
    });
  });
  const answers = new Map<string, Response>();
  for (const path of ['refused', 'busy', 'cancelled', 'odd', 'bug']) {
    answers.set(path, await fetch(`${rim.url}/${path}`, { headers: { 'request-id': 'of-the-test' } }));
  }
  expect(await answers.get('refused')?.json()).toMatchObject({ status: 404, code: 'not_found', path: '$.a' });
  expect(answers.get('busy')?.status).toBe(503);
  expect(answers.get('busy')?.headers.get('retry-after')).toBe('3');
  expect(answers.get('cancelled')?.status).toBe(503);
  expect(answers.get('odd')?.status).toBe(500);
  const bug = await answers.get('bug')?.text();
  expect(bug).toContain('"code":"internal"');
  expect(bug).toContain('"request_id":"of-the-test"');
  expect(bug).not.toMatch(/SECRET|\.ts|TypeError/);
  expect(rim.logged.find((fields) => fields.error?.message.includes('SECRET'))?.requestId).toBe('of-the-test');
});

test('the request id is taken if it can be logged as it is, else made', async () => {
  const rim = await startRim(echo);
  expect((await post(`${rim.url}/echo`, '{}', { 'request-id': 'abc-1' })).headers.get('request-id')).toBe('abc-1');
  for (const id of ['a b', '"x"', 'a'.repeat(129), '{"level":"error"}']) {
    expect((await post(`${rim.url}/echo`, '{}', { 'request-id': id })).headers.get('request-id')).toMatch(
      /^[0-9a-f-]{36}$/,
    );
  }
});

test('the trace of the caller goes on under our own hop', async () => {
  const rim = await startRim(echo);
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const { body } = await post(`${rim.url}/echo`, '{}', { traceparent: `00-${trace}-00f067aa0ba902b7-01` });
  expect(body.traceparent).toMatch(new RegExp(`^00-${trace}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`));
});

test('each answer is reported once with the pattern of its route and never its URL', async () => {
  const rim = await startRim(({ server }) => {
    server.get('/things/:id', async () => ({}));
  });
  await (await fetch(`${rim.url}/things/secret-id?token=secret`)).text();
  await (await fetch(`${rim.url}/nowhere/secret`)).text();
  await expect.poll(() => rim.answered.length).toBe(2);
  expect(rim.answered.map(({ method, route, status }) => [method, route, status])).toEqual([
    ['GET', '/things/:id', 200],
    ['GET', 'none', 404],
  ]);
  expect(JSON.stringify(rim.logged)).not.toContain('secret');
});

test('a client that leaves gives its place back', async () => {
  const rim = await startRim(({ server }) => {
    server.get('/slow', async () => {
      await wait(300);
      return {};
    });
  }, 1);
  const leaving = new AbortController();
  const left = fetch(`${rim.url}/slow`, { signal: leaving.signal }).catch(() => null);
  await wait(50);
  leaving.abort();
  await left;
  await expect.poll(async () => (await fetch(`${rim.url}/slow`)).status, { timeout: 5000 }).toBe(200);
  expect(rim.answered.some((each) => each.status === 499)).toBe(true);
});

test('headers that are too large, and bytes that are not HTTP, end the connection with a reason', async () => {
  const rim = await startRim(echo);
  const large = await talk(rim.port, `GET / HTTP/1.1\r\nhost: x\r\nx-long: ${'a'.repeat(20_000)}\r\n\r\n`);
  expect(large).toMatch(/^HTTP\/1\.1 431 .*"code":"headers_too_large"/s);
  expect(await talk(rim.port, 'HELLO\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 .*"code":"header_invalid"/s);
});

test('a drain lets the running request end and takes no new one', async () => {
  const rim = await startRim(({ server }) => {
    server.get('/slow', async () => {
      await wait(300);
      return { ended: true };
    });
  });
  const slow = fetch(`${rim.url}/slow`);
  await wait(100);
  const startedAt = performance.now();
  const drained = rim.inbound.drain(10_000);
  expect(await (await slow).json()).toEqual({ ended: true });
  await drained;
  // Not by the cut at the end of the grace.
  expect(performance.now() - startedAt).toBeLessThan(5000);
  await expect(fetch(`${rim.url}/slow`)).rejects.toThrow();
});

test('a drain cuts what is left after the grace', async () => {
  const rim = await startRim(({ server }) => {
    server.get('/endless', () => new Promise(() => {}));
  });
  const endless = fetch(`${rim.url}/endless`).catch(() => 'cut');
  await wait(100);
  await rim.inbound.drain(100);
  expect(await endless).toBe('cut');
});
