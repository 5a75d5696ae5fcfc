import { isFault, type RetailLine } from '../catalog/online-retail.ts';
import { readRetailFile } from '../catalog/retail-file.run.ts';
import { stopwatch } from '../shared/clock.ts';
import { isRefused, type Refused, refuse } from '../shared/failure.ts';
import { newUuid } from '../shared/ids.ts';
import { shopClient } from './replay.client.ts';
import { runReplay } from './replay.run.ts';
import { planReplay } from './replay-plan.ts';
import { seededRandom } from './replay-seed.ts';
import { type ReplaySummary, renderProgress, renderReplay } from './replay-summary.ts';

export { type ReplaySummary, renderReplay, replayExitCode } from './replay-summary.ts';

export type ReplayCommand = {
  readonly file: string;
  /** The endpoint of the protocol's REST binding, such as `http://127.0.0.1:3700/ucp/v2026-04-08`. */
  readonly endpoint: string;
  readonly apiKey: string;
  /** Null: every invoice of the file once. */
  readonly orders: number | null;
  readonly ratePerSecond: number;
  readonly concurrency: number;
  readonly declinePercent: number;
  readonly seed: string;
  readonly waitMs: number;
  /** Aborts on Ctrl-C: the summary so far is shown. */
  readonly signal: AbortSignal;
  /** Where the summary goes. */
  readonly out?: ((text: string) => void) | undefined;
  /** Given a line a few times a second: a terminal overwrites the one before. */
  readonly progress?: ((line: string) => void) | undefined;
};

export const replayDefaults = {
  orders: 200,
  ratePerSecond: 0,
  concurrency: 8,
  declinePercent: 2,
  seed: 'onetill',
  waitMs: 30_000,
} as const;

/** The tokens of the payment-provider simulator. */
const tokens = { accepted: 'tok_ok', declined: ['tok_insufficient_funds', 'tok_card_declined', 'tok_expired_card'] };

/** Rows of the whole data set, twice over: the plan is held in memory. */
const planRowsMax = 1_200_000;
const progressEveryMs = 250;

/**
 * `onetill replay`: buys the invoices of a file through the public API, writes the summary to `out` and returns it.
 * `replayExitCode` of it is the exit code.
 */
export async function replayInvoices(command: ReplayCommand): Promise<Refused | ReplaySummary> {
  if (!URL.canParse(command.endpoint)) {
    return refuse('input_invalid', `${command.endpoint} is no URL.`, { path: '$.endpoint' });
  }
  const lines = await readLines(command.file);
  if (isRefused(lines)) return lines;
  const plan = planReplay(lines, command);
  const shop = shopClient({
    endpoint: command.endpoint,
    apiKey: command.apiKey,
    connectionsMax: command.concurrency,
    random: seededRandom(command.seed),
    signal: command.signal,
  });
  try {
    const summary = await runReplay({
      ...command,
      shop,
      orders: plan.orders,
      tokens,
      newId: newUuid,
      onProgress: throttled(command.progress),
    });
    command.out?.(renderReplay(summary));
    return summary;
  } finally {
    await shop.close();
  }
}

async function readLines(file: string): Promise<Refused | RetailLine[]> {
  const lines: RetailLine[] = [];
  const read = await readRetailFile({
    file,
    onRow(row) {
      if (!isFault(row) && lines.length < planRowsMax) lines.push(row);
    },
  });
  return isRefused(read) ? read : lines;
}

function throttled(progress: ReplayCommand['progress']): Parameters<typeof runReplay>[0]['onProgress'] {
  if (progress === undefined) return undefined;
  const elapsedMs = stopwatch();
  let shownAtMs = Number.NEGATIVE_INFINITY;
  return (tally, planned, runMs) => {
    const nowMs = elapsedMs();
    if (nowMs - shownAtMs < progressEveryMs && tally.ended < planned) return;
    shownAtMs = nowMs;
    progress(renderProgress(tally, planned, runMs));
  };
}
