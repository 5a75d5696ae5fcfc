import { describe, expect, test } from 'vitest';
import { type AllowedOrigin, checkUrl, mayReach } from './address.ts';

/** URLs that must not be called even where their own origin, as a parser sees it, was put on the allow list. */
const hostileUrls = [
  // Loopback, in every spelling
  'https://127.0.0.1/',
  'https://127.1/',
  'https://127.0.1/',
  'https://2130706433/',
  'https://0x7f000001/',
  'https://0x7f.0.0.1/',
  'https://0177.0.0.1/',
  'https://017700000001/',
  'https://0177.0x0.0.1/',
  'https://127.0.0.1./',
  'https://127.255.255.254/',
  'https://localhost/',
  'https://LOCALHOST/',
  'https://localhost./',
  'https://printer.localhost/',
  'https://[::1]/',
  'https://[0:0:0:0:0:0:0:1]/',
  'https://[::]/',
  'https://0.0.0.0/',
  'https://0/',
  // Metadata services and link-local
  'https://169.254.169.254/latest/meta-data/',
  'https://2852039166/',
  'https://0xa9fea9fe/',
  'https://0251.0376.0251.0376/',
  'https://169.254.43518/',
  'https://[fe80::1]/',
  'https://[fd00:ec2::254]/',
  'https://metadata.google.internal/',
  // Private networks
  'https://10.0.0.1/',
  'https://10.255.255.255/',
  'https://172.16.0.1/',
  'https://172.31.255.255/',
  'https://192.168.0.1/',
  'https://100.64.0.1/',
  'https://100.127.255.255/',
  'https://[fc00::1]/',
  'https://[fdff:ffff::1]/',
  'https://router.local/',
  'https://db.internal/',
  'https://nas.home.arpa/',
  'https://db/',
  // IPv4 inside IPv6: mapped, compatible, NAT64, 6to4, Teredo
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:7f00:1]/',
  'https://[::ffff:10.0.0.1]/',
  'https://[::ffff:a9fe:a9fe]/',
  'https://[::ffff:8.8.8.8]/',
  'https://[::127.0.0.1]/',
  'https://[64:ff9b::7f00:1]/',
  'https://[64:ff9b::169.254.169.254]/',
  'https://[64:ff9b:1::a00:1]/',
  'https://[2002:7f00:1::]/',
  'https://[2002:a9fe:a9fe::]/',
  'https://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/',
  // Documentation, benchmarks, multicast, reserved
  'https://192.0.2.1/',
  'https://198.51.100.1/',
  'https://203.0.113.1/',
  'https://198.18.0.1/',
  'https://192.0.0.8/',
  'https://192.88.99.1/',
  'https://224.0.0.1/',
  'https://239.255.255.255/',
  'https://240.0.0.1/',
  'https://255.255.255.255/',
  'https://[2001:db8::1]/',
  'https://[3fff::1]/',
  'https://[ff02::1]/',
  'https://[fec0::1]/',
  'https://[100::1]/',
  // User info, ports, schemes
  'https://pay.example@169.254.169.254/',
  'https://user:secret@pay.example/',
  'https://@pay.example/',
  'https://pay.example:443@evil.example/',
  'https://pay.example:22/',
  'https://pay.example:8080/',
  'https://pay.example:25/',
  'http://pay.example/',
  'ftp://pay.example/',
  'file:///etc/passwd',
  'data:text/plain,x',
  'gopher://pay.example:70/',
  'javascript:alert(1)',
  // Spellings that one parser reads in one way and the next in another
  'https://pay.example./',
  'https://PAY.example/',
  'https://pay%2eexample/',
  'https://pay。example/',
  'https://ｐay.example/',
  'https:pay.example/',
  'https:///pay.example/',
  'https:\\\\pay.example\\',
  'https://evil.example\\@pay.example/',
  'https://pay.example#@evil.example/ x',
  ' https://pay.example/',
  'https://pay.example/\r\nHost: evil.example',
  'https://pay.exam\tple/',
  '//pay.example/',
  '/v1/authorisations',
  '',
  `https://pay.example/${'a'.repeat(3_000)}`,
];

const allowed: AllowedOrigin[] = [{ origin: 'https://pay.example', reach: 'public' }];

describe('the addresses that may be called', () => {
  test('no hostile URL passes, though its own origin were allowed', () => {
    expect(hostileUrls.length).toBeGreaterThanOrEqual(60);
    expect(new Set(hostileUrls).size).toBe(hostileUrls.length);
    const passed = hostileUrls.filter((url) => {
      const own: AllowedOrigin[] = URL.canParse(url) ? [{ origin: new URL(url).origin, reach: 'public' }] : [];
      return typeof checkUrl(url, [...allowed, ...own], [443]) !== 'string';
    });
    expect(passed).toEqual([]);
  });

  test('an honest URL of an allowed origin passes, one of another origin does not', () => {
    for (const url of ['https://pay.example/', 'https://pay.example/v1/a?key=b%20c#d', 'https://pay.example']) {
      expect(checkUrl(url, allowed, [443])).toBeInstanceOf(URL);
    }
    for (const url of ['https://evil.example/', 'https://pay.example.evil.example/', 'https://sub.pay.example/']) {
      expect(checkUrl(url, allowed, [443])).toBe('origin_not_allowed');
    }
    expect(checkUrl('https://8.8.8.8/', [{ origin: 'https://8.8.8.8', reach: 'public' }], [443])).toBeInstanceOf(URL);
    const v6 = 'https://[2606:4700::1111]';
    expect(checkUrl(`${v6}/`, [{ origin: v6, reach: 'public' }], [443])).toBeInstanceOf(URL);
    const odd = 'https://pay.example:8443';
    expect(checkUrl(`${odd}/`, [{ origin: odd, reach: 'public' }], [443, 8443])).toBeInstanceOf(URL);
  });

  test('a party on loopback is reached there over http and nowhere else', () => {
    const here: AllowedOrigin[] = [
      { origin: 'http://127.0.0.1:4400', reach: 'loopback' },
      { origin: 'http://[::1]:4400', reach: 'loopback' },
      { origin: 'http://10.0.0.1:4400', reach: 'loopback' },
      { origin: 'http://8.8.8.8', reach: 'loopback' },
    ];
    expect(checkUrl('http://127.0.0.1:4400/v1', here, [443])).toBeInstanceOf(URL);
    expect(checkUrl('http://[::1]:4400/v1', here, [443])).toBeInstanceOf(URL);
    expect(checkUrl('http://127.0.0.1:4401/v1', here, [443])).toBe('origin_not_allowed');
    expect(checkUrl('http://10.0.0.1:4400/v1', here, [443])).toBe('address_refused');
    expect(checkUrl('http://8.8.8.8/v1', here, [443])).toBe('address_refused');
  });

  test('what a name resolves to is judged like what was written', () => {
    for (const address of [
      '10.0.0.1',
      '127.0.0.1',
      '::1',
      '::ffff:10.0.0.1',
      'fe80::1',
      'fe80::1%eth0',
      '169.254.169.254',
      'no-address',
      '',
    ]) {
      expect(mayReach(address, 'public'), address).toBe(false);
    }
    for (const address of ['8.8.8.8', '100.63.255.255', '100.128.0.0', '172.32.0.0', '11.0.0.0', '2606:4700::1111']) {
      expect(mayReach(address, 'public'), address).toBe(true);
      expect(mayReach(address, 'loopback'), address).toBe(false);
    }
  });
});
