import { afterEach, expect, test } from 'vitest';
import { echo, startRim, stopRims, talk } from './rim-under-test.ts';

afterEach(stopRims);

test('a Host that is missing, doubled or none, and an unknown Expect, are refused as everything else is', async () => {
  const rim = await startRim(echo);
  const json = 'content-type: application/json\r\ncontent-length: 2\r\n';
  const close = 'connection: close\r\n\r\n';
  for (const head of [
    `GET /x HTTP/1.1\r\n${close}`,
    `GET /x HTTP/1.1\r\nhost: a\r\nhost: b\r\n${close}`,
    `GET /x HTTP/1.1\r\nhost: a b/c?d\r\n${close}`,
    `POST /echo HTTP/1.1\r\nhost: x\r\nexpect: 200-ok\r\n${json}${close}{}`,
  ]) {
    const answer = await talk(rim.port, head);
    expect(answer).toMatch(/^HTTP\/1\.1 400 .*application\/problem\+json.*"code":"header_invalid"/s);
    expect(answer).toContain('request-id: ');
  }
  const waiting = `POST /echo HTTP/1.1\r\nhost: [::1]:80\r\nexpect: 100-continue\r\n${json}${close}{}`;
  const waited = await talk(rim.port, waiting);
  expect(waited).toMatch(/^HTTP\/1\.1 100 .*HTTP\/1\.1 200 /s);
  expect(await talk(rim.port, `GET /nowhere HTTP/1.0\r\n\r\n`)).toMatch(/^HTTP\/1\.1 404 /);
});

test('a path that is badly encoded or too long is answered with the headers that every answer has', async () => {
  const rim = await startRim(({ server }) => {
    server.get('/things/:id', async () => ({}));
  });
  for (const [path, status, code] of [
    ['/%zz', 404, 'route_not_found'],
    [`/things/${'a'.repeat(300)}`, 400, 'id_malformed'],
  ] as const) {
    const answer = await fetch(`${rim.url}${path}`);
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([status, code]);
    expect(answer.headers.get('request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff');
  }
});
