import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { backoffDelayMs, type Message, readMessage, reasonOf, spanOfAttempts } from '../../src/messaging/message.ts';
import { isMessageType, type MessageType, messageTypes, queueNames, queues } from '../../src/messaging/queues.ts';
import { span } from '../../src/operations/screen.ts';
import { Bug } from '../../src/shared/assert.ts';
import { Retry } from '../../src/shared/failure.ts';

const settings = fc.constantFrom(...queueNames.map((name) => queues[name]));
const attempt = fc.integer({ min: 1, max: 1_000 });
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test('a delay is between nothing and the exponential bound, and never above the cap', () => {
  fc.assert(
    fc.property(settings, attempt, random, (lane, tries, chance) => {
      const delayMs = backoffDelayMs(lane, tries, chance, undefined);
      expect(Number.isInteger(delayMs)).toBe(true);
      expect(delayMs).toBeGreaterThanOrEqual(0);
      expect(delayMs).toBeLessThanOrEqual(Math.min(lane.backoffCapMs, lane.backoffBaseMs * 2 ** (tries - 1)));
    }),
  );
});

test('the jitter is full: chance alone chooses the share of the bound', () => {
  fc.assert(
    fc.property(settings, attempt, (lane, tries) => {
      const boundMs = backoffDelayMs(lane, tries, 1, undefined);
      expect(backoffDelayMs(lane, tries, 0, undefined)).toBe(0);
      expect(backoffDelayMs(lane, tries, 0.5, undefined)).toBe(Math.round(boundMs / 2));
      expect(backoffDelayMs(lane, tries + 1, 1, undefined)).toBeGreaterThanOrEqual(boundMs);
    }),
  );
});

test('Retry-After is waited for, but not for longer than ten minutes', () => {
  fc.assert(
    fc.property(settings, attempt, random, fc.integer({ min: 0, max: 10_000_000 }), (lane, tries, chance, askedMs) => {
      const delayMs = backoffDelayMs(lane, tries, chance, askedMs);
      expect(delayMs).toBeGreaterThanOrEqual(Math.min(askedMs, 600_000));
      expect(delayMs).toBeLessThanOrEqual(Math.max(lane.backoffCapMs, 600_000));
    }),
  );
});

/** What the waits between all attempts of a queue add up to, as often as chance is asked. */
function spansByChance(name: (typeof queueNames)[number], times: number): number[] {
  const lane = queues[name];
  let state = 1;
  const next = () => {
    state = (state * 16_807) % 2_147_483_647;
    return state / 2_147_483_647;
  };
  return Array.from({ length: times }, () => {
    let sumMs = 0;
    for (let tries = 1; tries < lane.attemptsMax; tries += 1) sumMs += backoffDelayMs(lane, tries, next(), undefined);
    return sumMs;
  });
}

test('the attempts of a queue last as long as is said: on average, and never longer than the longest', () => {
  for (const name of queueNames) {
    const { averageMs, longestMs } = spanOfAttempts(queues[name]);
    const spans = spansByChance(name, 4_000);
    const meanMs = spans.reduce((sum, each) => sum + each, 0) / spans.length;
    expect(Math.abs(meanMs / averageMs - 1), name).toBeLessThan(0.02);
    expect(Math.max(...spans), name).toBeLessThanOrEqual(longestMs);
    expect(Math.max(...spans), name).toBeGreaterThan(averageMs);
  }
  expect(spanOfAttempts({ ...queues.payments, attemptsMax: 1 })).toEqual({ averageMs: 0, longestMs: 0 });
});

test('the page on queues says how long the attempts of each last, and no reason of a queue says otherwise', () => {
  const page = readFileSync('docs/queues.md', 'utf8');
  for (const name of queueNames) {
    const { averageMs, longestMs } = spanOfAttempts(queues[name]);
    const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\` |`));
    expect(row).toContain(`| ${span(averageMs)}, at most ${span(longestMs)} |`);
    expect(queues[name].why).not.toMatch(/quarter|minute|hour/);
  }
});

function message(more: Partial<Message>): Message {
  return {
    messageId: 'm',
    queue: 'stock',
    type: 'release-stock',
    schemaVersion: 1,
    merchantId: 'demo',
    orderId: null,
    idempotencyKey: 'k',
    payload: {},
    traceparent: null,
    attempt: 1,
    firstEnqueuedAt: new Date(0),
    firstWaitMs: 0,
    leaseId: 'l',
    ...more,
  };
}

test('a message is read only if its type, its version and its payload are known here', () => {
  expect(readMessage(message({}))).toEqual({ readable: true, type: 'release-stock' });
  for (const more of [
    { type: 'toString' },
    { type: 'constructor' },
    { schemaVersion: 2 },
    { schemaVersion: 0 },
    { payload: null },
    { payload: [] },
    { payload: { extra: 1 } },
    { type: 'handle-webhook', payload: { provider: '', eventId: 'e' } },
    { type: 'void-stray-authorisation', payload: {} },
  ]) {
    expect(readMessage(message(more)), JSON.stringify(more)).toMatchObject({ readable: false });
  }
});

test('no text and no payload makes the reading of a message throw', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer(), fc.jsonValue(), (type, schemaVersion, payload) => {
      const read = readMessage(message({ type, schemaVersion, payload }));
      expect(read.readable || read.reason.length > 0).toBe(true);
    }),
  );
});

test('each type of message has a queue, and its newest version is one that it can read', () => {
  for (const type of Object.keys(messageTypes) as MessageType[]) {
    const { queue, newest, versions } = messageTypes[type];
    expect(queueNames).toContain(queue);
    expect(Object.keys(versions).map(Number)).toContain(newest);
    expect(isMessageType(type)).toBe(true);
  }
});

test('the reason of a failed attempt is what the error says, with its name only where that tells something', () => {
  const refused = Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' });
  expect(reasonOf(new Retry('the provider is away'))).toBe('the provider is away');
  expect(reasonOf(new Error('the screen is broken'))).toBe('the screen is broken');
  expect(reasonOf(new Bug('must be true: a message that was taken'))).toBe('must be true: a message that was taken');
  expect(reasonOf(new TypeError('x is not a function'))).toBe('TypeError: x is not a function');
  expect(reasonOf(Object.assign(new Error('deadlock detected'), { name: 'error' }))).toBe('deadlock detected');
  expect(reasonOf(refused)).toBe('ECONNREFUSED');
  expect(reasonOf(new RangeError())).toBe('RangeError');
  expect(reasonOf(Object.assign(new Error(), { name: '' }))).toBe('no reason was given');
});

test('a reason has at most 500 bytes in any script, is never empty, and holds nothing that PostgreSQL refuses', () => {
  const pieces = fc.array(fc.constantFrom('a', 'é', '界', '𝄞', '\0', '\n', '\u001b', '\ud834', ' '), {
    maxLength: 300,
  });
  fc.assert(
    fc.property(pieces, fc.integer({ min: 1, max: 3 }), fc.string({ maxLength: 20 }), (said, times, name) => {
      const reason = reasonOf(Object.assign(new Error(said.join('').repeat(times)), { name }));
      expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(500);
      expect(reason).not.toBe('');
      expect(reason).not.toMatch(/\p{Cc}/u);
    }),
  );
  expect(reasonOf(new Error('界'.repeat(400)))).toBe('界'.repeat(166));
});
