import { afterEach, describe, expect, test, vi } from 'vitest';
import { isUuid, newUuid } from './ids.ts';

afterEach(() => void vi.useRealTimers());

const count = 20_000;
const many = () => Array.from({ length: count }, () => newUuid());
const millisecondsOf = (uuid: string) => Number.parseInt(uuid.replaceAll('-', '').slice(0, 12), 16);

describe('ids', () => {
  test('ids are UUIDv7 of RFC 9562, of which no two are the same', () => {
    const ids = many();
    expect(new Set(ids).size).toBe(count);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(ids.every(isUuid)).toBe(true);
  });

  test('ids sort in the order in which they were made, within a millisecond and when the clock goes back', () => {
    vi.useFakeTimers({ now: Date.parse('2099-01-01T00:00:00Z') });
    const before = many();
    vi.setSystemTime(Date.now() - 60_000);
    const after = many();
    const ids = [...before, ...after];
    expect(ids.toSorted()).toEqual(ids);
    expect(new Set(ids).size).toBe(2 * count);
    vi.setSystemTime(Date.now() + 120_000);
    expect(millisecondsOf(newUuid())).toBe(Date.now());
  });

  test('the random bits of an id are another’s with no bit that stands still', () => {
    const tails = many().map((id) => BigInt(`0x${id.slice(-12)}`));
    const ones = Array.from(
      { length: 32 },
      (_, bit) => tails.filter((tail) => ((tail >> BigInt(bit)) & 1n) === 1n).length,
    );
    // Half of 20,000, within ten standard deviations of 71.
    for (const one of ones) expect(Math.abs(one - count / 2)).toBeLessThan(710);
  });
});
