import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RealStorefront, startRealStorefront } from '../storefront-api/real-storefront.ts';
import { ucp } from '../storefront-api/test-storefront.ts';
import { draft } from '../storefront-api/ucp-requests.ts';
import { chunked, head, say } from './wire.ts';

/**
 * Bytes that a proxy in front and this server could cut into requests in two ways. Each case names its buyer, so that
 * the rows show what was executed, whatever was answered.
 */

let shop: RealStorefront;
let port: number;
beforeAll(async () => {
  shop = await startRealStorefront({ '85123A': 1_000 });
  port = Number(new URL(shop.url).port);
});
afterAll(() => shop?.stop());

const path = `${ucp}/checkout-sessions`;
const bodyOf = (buyer: string): string => JSON.stringify({ ...draft, buyer: { first_name: buyer } });
const key = 'x-api-key: key-shop';
const json = 'content-type: application/json';

/** The head of a create with these lines about its length. */
function post(lines: readonly string[]): string {
  return head(`POST ${path}`, [key, json, ...lines]);
}

/** A whole and honest create. */
function create(buyer: string, headers: readonly string[] = [key]): string {
  const body = bodyOf(buyer);
  return head(`POST ${path}`, [...headers, json, `content-length: ${body.length}`]) + body;
}

/** The checkouts of this buyer with the callers that opened them. */
async function opened(buyer: string): Promise<string[]> {
  const rows = await shop.scratch.database.query<{ caller: string }>({
    text: `
      select c.caller_id as caller from checkouts c join quotes q using (checkout_id)
      where q.content -> 'buyer' ->> 'firstName' = $1
      order by c.created_at
      limit 10`,
    values: [buyer],
  });
  return rows.map((row) => row.caller);
}

/** Of one length for all, so that the lengths in the table are right. */
const buyerOf = (what: string): string => what.slice(-7).padStart(7, '-');
const { length } = bodyOf(buyerOf(''));
const sized = (text: string): string[] => [`content-length: ${text}`];
const coded = (text: string): string[] => [`transfer-encoding: ${text}`];

/** Each is one create whose end two readers would see in two places, or that one of them would not read at all. */
const ambiguous: Readonly<Record<string, (body: string) => string>> = {
  'a length and a transfer coding': (body) => post([...sized('5'), ...coded('chunked')]) + chunked(body),
  'a transfer coding and a length': (body) => post([...coded('chunked'), ...sized('5')]) + chunked(body),
  'one length twice': (body) => post([...sized(`${length}`), ...sized(`${length}`)]) + body,
  'two lengths': (body) => post([...sized(`${length}`), ...sized('5')]) + body,
  'a list of lengths': (body) => post(sized(`${length}, ${length}`)) + body,
  'a length with a sign': (body) => post(sized(`+${length}`)) + body,
  'a negative length': (body) => post(sized('-1')) + body,
  'a length in hexadecimal': (body) => post(sized(`0x${length.toString(16)}`)) + body,
  'a length that overflows': (body) => post(sized('18446744073709551617')) + body,
  'white space before the colon of a length': (body) => post([`content-length : ${length}`]) + body,
  'a coding that is nothing but a length': (body) => post(coded('identity')) + body,
  'a coding that nobody knows': (body) => post(coded('xchunked')) + chunked(body),
  'chunked twice': (body) => post([...coded('chunked'), ...coded('chunked')]) + chunked(body),
  'chunked, and then not': (body) => post([...coded('chunked'), ...coded('identity')]) + chunked(body),
  'a vertical tab in the coding': (body) => post(coded('\x0bchunked')) + chunked(body),
  'a header on a folded line': (body) => post(['x-a: b', ' transfer-encoding: chunked', ...sized('5')]) + body,
  'bare line feeds for all line ends': (body) => post(sized(`${length}`)).replaceAll('\r\n', '\n') + body,
  'a bare line feed in a header': (body) => post(['x-a: b\nx-b: c', ...sized(`${length}`)]) + body,
  'a bare carriage return in a header': (body) => post(['x-a: b\rx-b: c', ...sized(`${length}`)]) + body,
  'a NUL in a header': (body) => post(['x-a: b\0c', ...sized(`${length}`)]) + body,
  'a line feed in a chunk extension': (body) => post(coded('chunked')) + chunked(body, ';a\nb'),
  'a chunk extension above the limit': (body) => post(coded('chunked')) + chunked(body, `;a=${'b'.repeat(20_000)}`),
  'a chunk size that overflows': (body) => `${post(coded('chunked'))}ffffffffffffffffff\r\n${body}\r\n0\r\n\r\n`,
  'a negative chunk size': (body) => `${post(coded('chunked'))}-1\r\n${body}\r\n0\r\n\r\n`,
  'a chunk size with 0x': (body) => `${post(coded('chunked'))}0x${length.toString(16)}\r\n${body}\r\n0\r\n\r\n`,
  'chunks with bare line feeds': (body) => post(coded('chunked')) + chunked(body).replaceAll('\r\n', '\n'),
  'a chunk that does not end where it says': (body) =>
    `${post(coded('chunked'))}${length.toString(16)}\r\n${body}0\r\n\r\n`,
  'a length in a trailer': (body) =>
    post(coded('chunked')) + chunked(body).replace(/\r\n$/, 'content-length: 5\r\n\r\n'),
  'a space before the method': (body) => ` ${post(sized(`${length}`))}${body}`,
  'the preface of HTTP/2': () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
};

describe('a request with', () => {
  for (const [what, bytesOf] of Object.entries(ambiguous)) {
    test(`${what} is refused once, and neither it nor what follows it is executed`, async () => {
      const [buyer, follower] = [buyerOf(what), `${what}, second`];
      const heard = await say(port, bytesOf(bodyOf(buyer)) + create(follower));
      expect(heard).toMatchObject({ statuses: [400], codes: ['header_invalid'], isClosed: true });
      expect([await opened(buyer), await opened(follower)]).toEqual([[], []]);
    });
  }

  test('two ends is not executed late either', async () => {
    const buyers = Object.keys(ambiguous).flatMap((what) => [buyerOf(what), `${what}, second`]);
    expect(buyers.length).toBeGreaterThan(50);
    for (const buyer of buyers) expect([buyer, await opened(buyer)]).toEqual([buyer, []]);
  });
});

/** Where it ends is clear, but one of its headers says two things: it is refused, and the next request is answered. */
const contradictory: Readonly<Record<string, (body: string) => string>> = {
  'two hosts': (body) => post(['host: other.example', ...sized(`${length}`)]) + body,
  'two API keys': (body) => post(['x-api-key: key-other', ...sized(`${length}`)]) + body,
  'two bearers': (body) => post(['authorization: Bearer a', 'authorization: Bearer b', ...sized(`${length}`)]) + body,
  'two media types': (body) => post(['content-type: text/plain', ...sized(`${length}`)]) + body,
  'two keys of idempotency': (body) => post(['idempotency-key: a', 'idempotency-key: b', ...sized(`${length}`)]) + body,
  'a coding before chunked': (body) => post(coded('gzip, chunked')) + chunked(body),
};

describe.concurrent('a request of clear length with', () => {
  for (const [what, bytesOf] of Object.entries(contradictory)) {
    test(`${what} is refused and not executed, and the one that follows it is`, async () => {
      const [buyer, follower] = [buyerOf(what), `${what}, second`];
      const heard = await say(port, bytesOf(bodyOf(buyer)) + create(follower));
      expect(heard).toMatchObject({ statuses: [400, 201], isClosed: false });
      expect(heard.codes[0]).toBe('header_invalid');
      expect([await opened(buyer), await opened(follower)]).toEqual([[], ['shop']]);
    });
  }
});

describe('requests that share a connection', () => {
  test('a request does not inherit the key of the one before it', async () => {
    const heard = await say(port, create('keyed') + create('keyless', []) + create('other', ['x-api-key: key-other']));
    expect(heard).toMatchObject({ statuses: [201, 401, 201], isClosed: false });
    expect(heard.codes).toContain('api_key_missing');
    expect([await opened('keyed'), await opened('keyless'), await opened('other')]).toEqual([['shop'], [], ['other']]);
  });

  test('a request in the body of another one is a body', async () => {
    const inner = create('inner');
    for (const method of ['GET', 'HEAD', 'DELETE']) {
      const heard = await say(port, head(`${method} /products`, [key, json, ...sized(`${inner.length}`)]) + inner);
      expect(heard.statuses).toHaveLength(1);
    }
    expect(await opened('inner')).toEqual([]);
  });

  test('an answer to an order that was taken is not overtaken by the refusal of what follows it', async () => {
    for (const rest of ['NONSENSE\r\n\r\n', post([...sized('5'), ...coded('chunked')]), '\0\0\0']) {
      const buyer = `taken before ${rest.length}`;
      const heard = await say(port, create(buyer) + rest);
      expect(heard).toMatchObject({ statuses: [201, 400], isClosed: true });
      expect(await opened(buyer)).toEqual(['shop']);
    }
  });

  test('a request that says it is the last one is answered, and what follows it is not executed', async () => {
    const heard = await say(port, create('last', [key, 'connection: close']) + create('after the last'));
    expect(heard).toMatchObject({ isClosed: true });
    expect(heard.statuses[0]).toBe(201);
    expect([await opened('last'), await opened('after the last')]).toEqual([['shop'], []]);
  });

  test('a chunk extension and a trailer are read over, and a key in a trailer is none', async () => {
    const body = bodyOf('trailer');
    const last = 'x-api-key: key-other\r\n\r\n';
    const heard = await say(port, post(coded('chunked')) + chunked(body, ';a=b').replace(/\r\n$/, last));
    expect(heard).toMatchObject({ statuses: [201], isClosed: false });
    expect(await opened('trailer')).toEqual(['shop']);
  });

  test('a body that does not come whole is not executed', async () => {
    const body = bodyOf('unfinished');
    const short = await say(port, post(sized(`${body.length + 1}`)) + body);
    const claimed = await say(port, `${post(coded('chunked'))}fffffff\r\n${body}\r\n0\r\n\r\n`);
    expect([short.statuses, claimed.statuses]).toEqual([[], []]);
    expect(await opened('unfinished')).toEqual([]);
  });
});

test('no upgrade, tunnel, echo or other host is had, whatever the first line says', async () => {
  const absent = create('hostless').replace('host: shop.example\r\n', '');
  const [upgrade, absolute, tunnel, trace, hostless, odd] = await Promise.all([
    say(port, create('upgrade', [key, 'connection: upgrade', 'upgrade: h2c'])),
    say(port, create('absolute').replace('POST /', 'POST http://other.example/')),
    say(port, head('CONNECT 127.0.0.1:22', [key])),
    say(port, head('TRACE /products', ['x-api-key: planted-in-a-trace'])),
    say(port, absent),
    say(port, create('expecting', [key, 'expect: a-miracle'])),
  ]);
  expect([upgrade.statuses, absolute.statuses, trace.statuses, odd.statuses]).toEqual([[201], [201], [405], [400]]);
  expect(tunnel).toMatchObject({ statuses: [], isClosed: true });
  expect(hostless).toMatchObject({ statuses: [400] });
  expect(absolute.text).not.toContain('other.example');
  expect(trace.text).not.toContain('planted-in-a-trace');
  expect([await opened('hostless'), await opened('expecting')]).toEqual([[], []]);
});
