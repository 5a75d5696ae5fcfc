/**
 * A source of chance. Each concern of a world has one of its own, named after it, so that a draw more in one place
 * leaves all others as they were.
 */
export type Chance = {
  /** 0 up to, and not including, 1. */
  share(): number;
  happens(probability: number): boolean;
  /** A whole number of the range, both ends included. */
  between(min: number, max: number): number;
  /** Small ones more often than large ones, so that a range of several magnitudes is used evenly. */
  magnitude(min: number, max: number): number;
  pick<T>(among: readonly T[]): T;
  /** Another source, which follows from the same seed and the name. */
  fork(name: string): Chance;
};

export function chanceOf(seed: number | string): Chance {
  let state = hashOf(String(seed));
  // mulberry32: small, public domain, and good enough for choosing.
  function share(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  return {
    share,
    happens: (probability) => probability > 0 && share() < probability,
    between: (min, max) => min + Math.floor(share() * (max - min + 1)),
    magnitude: (min, max) => Math.round(min * (max / min) ** share()),
    pick<T>(among: readonly T[]): T {
      if (among.length === 0) throw new RangeError('nothing to pick from');
      return among[Math.floor(share() * among.length)] as T;
    },
    fork: (name) => chanceOf(`${seed}/${name}`),
  };
}

/** FNV-1a of 32 bits, stirred, because seeds that differ in their last digit must not begin alike. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** UUIDv7 in form, by the time of the world and its chance. */
export function idsOf(chance: Chance, nowMs: () => number): () => string {
  let count = 0;
  const hex = (value: number, length: number): string => value.toString(16).padStart(length, '0');
  return () => {
    count += 1;
    const time = hex(nowMs(), 12);
    const rest = `8${hex(chance.between(0, 0xfff), 3)}-${hex(Math.floor(chance.share() * 2 ** 48), 12)}`;
    return `${time.slice(0, 8)}-${time.slice(8)}-7${hex(count & 0xfff, 3)}-${rest}`;
  };
}
