import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { isRefused, refuse } from '../shared/failure.ts';
import { parseExternalId } from '../shared/ids.ts';
import { decimal, whole } from './cli-options.ts';
import {
  type Answer,
  type CliIo,
  findRuntime,
  type GlobalOptions,
  nonEmpty,
  type Run,
  type Session,
  showAnswer,
} from './cli-session.ts';

const sampleFile = fileURLToPath(new URL('../../data/online-retail/online-retail-40k.csv.gz', import.meta.url));

/** `onetill events` and `onetill replay`: what goes out, and a standing load that comes in. */
export function addFeeds(program: Command, io: CliIo, run: Run, finish: (exitCode: number) => void): void {
  program
    .command('events')
    .description('domain events as CloudEvents, one JSON document a line, in the order in which they were committed')
    .option('--order <id>', 'only of this order')
    .option('--follow', 'go on with what happens from now on, until Ctrl-C')
    .action((options: { order?: string; follow?: boolean }, command: Command) =>
      run(command, (session) => events(session, options)),
    );
  program
    .command('replay')
    .description('buys the real invoices of a file through the public API')
    .option('--orders <n>', 'how many (default: 200; all: every invoice once)', ordersOf, 200)
    .option('--rate <perSecond>', 'orders per second; 0: as fast as it goes', (text) => decimal(text, 100_000), 0)
    .option('--concurrency <n>', 'buyers at once', (text) => whole(text, 1, 1_000), 8)
    .option('--decline <percent>', 'share of payments that are declined', (text) => decimal(text, 100), 2)
    .option('--seed <text>', 'another seed is another load', 'onetill')
    .option('--wait-ms <ms>', 'how long to wait for the last orders to end', (text) => whole(text, 0, 600_000), 30_000)
    .option('--file <file>', 'order lines (CSV, or CSV in gzip)', sampleFile)
    .option('--url <url>', 'the API (default: that of the running copy)')
    .option('--api-key <key>', 'the key to call with (default: $ONETILL_API_KEY, else that of the demo shop)')
    .action(async (options: ReplayOptions, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      finish(await showAnswer(io, () => replay(io, options, globals), globals.json === true));
    });
}

async function events(session: Session, options: { order?: string; follow?: boolean }): Promise<Answer> {
  const { streamEvents } = await import('../operations/event-stream.run.ts');
  const orderId = options.order === undefined ? null : parseExternalId('order', options.order, '--order');
  if (isRefused(orderId)) return orderId;
  const follow = options.follow === true;
  const { database, merchantId, io } = session;
  const count = await streamEvents({
    database,
    merchantId,
    orderId,
    follow,
    signal: follow ? io.untilStopped() : new AbortController().signal,
    emit: (event) => io.out(`${JSON.stringify(event)}\n`),
  });
  if (count === 0 && orderId !== null) return refuse('not_found', `${merchantId} has no order ${options.order}.`);
  return { exitCode: 0 };
}

type ReplayOptions = {
  readonly orders: number | null;
  readonly rate: number;
  readonly concurrency: number;
  readonly decline: number;
  readonly seed: string;
  readonly waitMs: number;
  readonly file: string;
  readonly url?: string;
  readonly apiKey?: string;
};

function ordersOf(text: string): number | null {
  return text === 'all' ? null : whole(text, 1, 1_000_000);
}

async function replay(io: CliIo, options: ReplayOptions, globals: GlobalOptions): Promise<Answer> {
  const { replayExitCode, replayInvoices, renderReplay } = await import('../operations/replay.cli.ts');
  const { prefix } = await import('../storefront-api/ucp/v2026-04-08/version.ts');
  const { demoMerchant } = await import('./demo-shop.sql.ts');
  const apiUrl = options.url ?? (await findRuntime(globals, '--url URL'));
  if (isRefused(apiUrl)) return apiUrl;
  const origin = typeof apiUrl === 'string' ? apiUrl : apiUrl.apiUrl;
  const summary = await replayInvoices({
    file: options.file,
    endpoint: `${origin.replace(/\/+$/, '')}${prefix}`,
    apiKey: options.apiKey ?? nonEmpty(io.environment.ONETILL_API_KEY) ?? demoMerchant.apiKey,
    orders: options.orders,
    ratePerSecond: options.rate,
    concurrency: options.concurrency,
    declinePercent: options.decline,
    seed: options.seed,
    waitMs: options.waitMs,
    signal: io.untilStopped(),
    progress: io.errIsTerminal
      ? { everyMs: 250, show: (line) => io.err(`\r${line}\u001b[K`) }
      : { everyMs: 2_000, show: (line) => io.err(`${line}\n`) },
  });
  if (io.errIsTerminal) io.err('\r\u001b[K');
  if (isRefused(summary)) return summary;
  return { document: summary, text: () => renderReplay(summary), exitCode: replayExitCode(summary) };
}
