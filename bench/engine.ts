/** An engine that walks sagas of three steps: reserve the goods, have the money authorised, confirm. */
export type Engine = {
  readonly name: string;
  /** Its own database, so that the server counts what it does by itself. */
  readonly databaseName: string;
  /** Begins so many sagas without walking them. */
  fill(count: number): Promise<void>;
  /** Starts the engine, waits until all sagas are at their end, stops it. Answers the milliseconds from its start. */
  drain(): Promise<Drained>;
  /** Every saga that was begun has had its effect, once; throws if not. */
  check(): Promise<void>;
  close(): Promise<void>;
};

/** `looks` are transactions of ours that only looked whether it is done. */
export type Drained = { readonly tookMs: number; readonly looks: number };

/** Looks until nothing is open any more. */
export async function untilNoneOpen(countOpen: () => Promise<number>): Promise<Drained> {
  const beganMs = performance.now();
  const lookEveryMs = 20;
  const waitMsMax = 120_000;
  for (let looks = 1; performance.now() - beganMs < waitMsMax; looks += 1) {
    if ((await countOpen()) === 0) return { tookMs: performance.now() - beganMs, looks };
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
  throw new Error(`${await countOpen()} sagas are still open after ${waitMsMax / 1000} s`);
}
