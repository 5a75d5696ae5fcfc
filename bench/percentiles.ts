export type Latencies = { readonly p50: number; readonly p95: number; readonly p99: number };

/** The latencies that half, 95 % and 99 % of the samples do not exceed (nearest rank), in the samples' unit. */
export function latenciesOf(samplesMs: readonly number[]): Latencies {
  const sorted = Float64Array.from(samplesMs).sort();
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
  return { p50: rank(0.5), p95: rank(0.95), p99: rank(0.99) };
}

/** The middle of the values; of an even number of them the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const half = sorted.length / 2;
  const upper = sorted[Math.floor(half)] ?? Number.NaN;
  return Number.isInteger(half) ? ((sorted[half - 1] ?? Number.NaN) + upper) / 2 : upper;
}

/** Each percentile the median of that percentile over the runs, so that one disturbed run does not show. */
export function medianLatencies(runs: readonly Latencies[]): Latencies {
  return {
    p50: median(runs.map((run) => run.p50)),
    p95: median(runs.map((run) => run.p95)),
    p99: median(runs.map((run) => run.p99)),
  };
}

/** `12.3` below a hundred, `123` above: as many digits as mean something. */
export function shown(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

export function shownLatencies({ p50, p95, p99 }: Latencies): string[] {
  return [shown(p50), shown(p95), shown(p99)];
}
