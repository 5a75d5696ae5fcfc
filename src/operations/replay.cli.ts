import { isFault, type RetailLine } from '../catalog/online-retail.ts';
import { readRetailFile } from '../catalog/retail-file.run.ts';
import { every } from '../shared/clock.ts';
import { isRefused, type Refused, refuse } from '../shared/failure.ts';
import { newUuid } from '../shared/ids.ts';
import { shopClient } from './replay.client.ts';
import { runReplay } from './replay.run.ts';
import { planReplay } from './replay-plan.ts';
import { seededRandom } from './replay-seed.ts';
import { lookForShop } from './replay-shop.run.ts';
import { type ReplaySummary, type ReplayTally, renderProgress, renderReplay } from './replay-summary.ts';
import { counted } from './screen.ts';

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
  /** How it goes on, in one line, told again and again until it ends. */
  readonly progress?: { readonly everyMs: number; readonly show: (line: string) => void } | undefined;
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
/** Some seconds: long enough for a shop that is just coming back. */
const lookTriesMax = 5;

/**
 * `onetill replay`: buys the invoices of a file through the public API, writes the summary to `out` and returns it;
 * refused when there is no shop, or it does not know the key. `replayExitCode` of the summary is the exit code.
 */
export async function replayInvoices(command: ReplayCommand): Promise<Refused | ReplaySummary> {
  const { endpoint, apiKey, concurrency, signal } = command;
  if (!/^https?:\/\//i.test(endpoint) || !URL.canParse(endpoint)) {
    return refuse('input_invalid', `${endpoint} is no URL that begins with http or https.`, { path: '$.endpoint' });
  }
  const shown = showProgress(command.progress);
  const connection = { endpoint, apiKey, random: seededRandom(command.seed), signal };
  const scout = shopClient({ ...connection, connectionsMax: 1, triesMax: lookTriesMax });
  const shop = shopClient({ ...connection, connectionsMax: concurrency });
  try {
    const missing = await lookForShop(scout, endpoint);
    if (missing !== null) return missing;
    shown.say('reading the invoices …');
    const lines = await readLines(command.file);
    if (isRefused(lines)) return lines;
    const { orders } = planReplay(lines, command);
    const summary = await runReplay({ ...command, ...shown, shop, orders, tokens, newId: newUuid });
    command.out?.(renderReplay(summary));
    return summary;
  } finally {
    shown.stop();
    await Promise.all([scout.close(), shop.close()]);
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

/** By the clock and not by what happens: a shop that hangs is when somebody wants to know. */
function showProgress(progress: ReplayCommand['progress']) {
  let line = 'looking for the shop …';
  const stop = progress === undefined ? () => {} : every(progress.everyMs, () => progress.show(line));
  return {
    stop,
    say(text: string): void {
      line = text;
    },
    onProgress(tally: ReplayTally, planned: number, elapsedMs: number): void {
      line = renderProgress(tally, planned, elapsedMs);
    },
    onWaiting(open: number): void {
      line = `all is bought; waiting for ${counted(open, 'order')} to end …`;
    },
  };
}
