import { stopwatch } from '../shared/clock.ts';

/**
 * The load's result for so long, and one load at a time however many ask: what anybody may ask for as often as they
 * like must not cost the database more. A load that fails is told to those who waited for it, and not kept.
 */
export function cached<T>(load: () => Promise<T>, forMs: number): () => Promise<T> {
  let running: Promise<T> | null = null;
  let kept: { value: T; ageMs: () => number } | null = null;
  return () => {
    if (kept !== null && kept.ageMs() < forMs) return Promise.resolve(kept.value);
    running ??= load()
      .then((value) => {
        kept = { value, ageMs: stopwatch() };
        return value;
      })
      .finally(() => {
        running = null;
      });
    return running;
  };
}
