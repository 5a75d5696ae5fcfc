/** Numbers of 0 up to 1 that look random and are the same for the same seed: a replay can be replayed. */
export function seededRandom(seed: string): () => number {
  let state = hash32(seed);
  return () => {
    // mulberry32: small, public domain, and good enough for choosing and for jitter.
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One such number that belongs to a text, whatever else is asked for and in which order. */
export function seededShare(seed: string, text: string): number {
  return seededRandom(`${seed}:${text}`)();
}

/** FNV-1a, 32 bits. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return hash;
}
