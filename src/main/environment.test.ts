import { expect, test } from 'vitest';
import { readEnvironment } from './environment.ts';

const good = {
  DATABASE_URL: 'postgres://u:p@db/x',
  PAYMENT_PROVIDER_API_KEY: 'key',
  PAYMENT_PROVIDER_WEBHOOK_SECRETS: 'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=',
};

test('a process gets its settings, with probes answered on this machine only unless it is told otherwise', () => {
  const settings = readEnvironment(good, 'worker');
  expect(settings).toMatchObject({ values: { healthHost: '127.0.0.1', healthPort: '0' } });
  expect(readEnvironment({ ...good, HEALTH_HOST: '0.0.0.0' }, 'sweeper')).toMatchObject({
    values: { healthHost: '0.0.0.0' },
  });
});

test.each([
  ['DATABASE_URL', 'http://db/x', 'api'],
  ['DATABASE_URL', 'db.example', 'migrate'],
  ['DATABASE_URL', 'postgres:/x', 'worker'],
  ['PUBLIC_URL', 'javascript:alert(1)', 'api'],
  ['SHOP_URL', 'ftp://shop.example', 'api'],
  ['PAYMENT_PROVIDER_URL', 'file:///etc/passwd', 'worker'],
  ['PAYMENT_PROVIDER_URL', 'provider.example', 'worker'],
] as const)('%s=%s is refused by the process, which names the setting and not its value', (name, value, kind) => {
  const settings = readEnvironment({ ...good, [name]: value }, kind);
  expect(settings).toEqual({ faults: [expect.stringMatching(new RegExp(`^${name} is not `))] });
  expect(JSON.stringify(settings)).not.toContain(value);
});
