/** What the generator is asked for in one line, and what it answers in one. */
export type Plan = {
  readonly host: string;
  readonly port: number;
  /** Connections, all kept alive; in an open loop the most that there may be. */
  readonly connections: number;
  /** Null: each connection sends its next request when the last one is answered. Else so many begin in a second. */
  readonly perSecond: number | null;
  /** Requests as they go over the wire; `repeats` sends the list again and again. */
  readonly requests: readonly string[];
  readonly repeats: number;
  /** What stands in the body of every answer that is a success. */
  readonly expected: string;
};

export type Result = {
  readonly seconds: number;
  /** Of the accepted, from the time at which the request was due. */
  readonly latenciesMs: readonly number[];
  /** The millisecond of the run at which each accepted request was answered. */
  readonly answeredAtMs: readonly number[];
  /** Refused with Retry-After. */
  readonly refused: number;
  /** Everything else, with one example. */
  readonly failed: number;
  readonly failure: string | null;
  /** The processor time of the generator itself. */
  readonly cpuSeconds: number;
};
