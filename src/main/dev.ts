import { createServer } from 'node:net';
import { sleep, stopwatch } from '../shared/clock.ts';
import { toError } from '../shared/failure.ts';
import type { Logger } from '../shared/log.ts';
import { type CannotStart, explainSystemError, isCannotStart } from '../shared/postgres/embedded-fault.ts';
import { hasPassword, withoutPassword } from './database-url.ts';
import { banner } from './dev-banner.ts';
import { openLog, prepareDataFolder, resetDataFolder } from './dev-data.ts';
import { useGivenDatabase, withAddressOfOther } from './dev-database.ts';
import { type DevOptions, parseOptions, usage } from './dev-options.ts';
import type { DevContext, Part, StartedPart } from './dev-parts.ts';
import { commandsFor, startedWith } from './hints.ts';
import { outputTo, say, tell } from './output.ts';
import { removeRuntime, writeRuntime } from './runtime.ts';
import { type EndReason, listenForShutdown, report, type Shutdown } from './shutdown.ts';

/** Something that was started and must be stopped, whatever happens. */
type Running = { readonly name: string; readonly stop: () => Promise<void>; readonly waitMs: number };

/** Longer than a part needs to finish what it has begun; whatever it leaves is taken up at the next start. */
const partStopWaitMs = 10_000;
/** Fast shutdown, immediate shutdown and the kill, one after the other (embedded-process.ts). */
const postgresStopWaitMs = 30_000;

/** The start command: the whole system in one process. Answers the exit code once everything is stopped again. */
export async function run(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv, process.env);
  if (options === 'help') return await showUsage();
  if (isCannotStart(options)) {
    tell(options);
    return 2;
  }
  const elapsedMs = stopwatch();
  const tellFault = (fault: CannotStart) => tell(startedWith(options, fault));
  const folderFault = await prepareDataFolder(options.dataDir);
  if (folderFault !== null) {
    tellFault(folderFault);
    return 1;
  }
  const onProgress = (line: string) => {
    if (!options.quiet) say(process.stdout, `${line}\n`);
  };
  const shutdown = listenForShutdown({
    onFirst: (reason) => reason.kind === 'asked' && onProgress('\nStopping …'),
    endWithNpm: true,
  });
  const running: Running[] = [];
  let opened: Opened | undefined;
  let end: EndReason;
  try {
    let fault = options.reset ? await reset(options, onProgress) : null;
    if (fault === null) {
      opened = await openLog(options.dataDir, options.logLevel);
      fault = await startAll({ options, shutdown, running, opened, onProgress, elapsedMs });
    }
    if (fault !== null) shutdown.request({ kind: 'fault', fault });
    end = await shutdown.requested;
  } catch (error) {
    const fault = explainSystemError(error, options.dataDir);
    end = fault === null ? { kind: 'unexpected', error } : { kind: 'fault', fault };
    shutdown.request(end);
  }
  const code = report(end, {
    who: 'An unexpected fault',
    log: opened?.log,
    logPlace: opened?.path ?? '',
    tell: tellFault,
  });
  await stopAll(running, shutdown, opened?.log);
  shutdown.release();
  if (code === 0) onProgress('Stopped. Nothing is left running; the data is kept.');
  return code;
}

async function showUsage(): Promise<number> {
  const output = outputTo(process.stdout);
  output.write(usage);
  const fault = await output.settled();
  if (fault !== null) tell(fault);
  return fault === null ? 0 : 1;
}

type Opened = { readonly log: Logger; readonly path: string };

/** What a start has in hand. */
type Start = {
  readonly options: DevOptions;
  readonly shutdown: Shutdown;
  readonly running: Running[];
  readonly opened: Opened;
  readonly onProgress: (line: string) => void;
  /** Since the command was given. */
  readonly elapsedMs: () => number;
};

/** Before the log is opened, which lies in the folder that is emptied. */
async function reset(options: DevOptions, onProgress: (line: string) => void): Promise<CannotStart | null> {
  const fault = await resetDataFolder(options.dataDir, onProgress);
  if (fault !== null) return withAddressOfOther(fault, options.dataDir);
  onProgress(`Began anew: ${options.dataDir} is empty.`);
  return null;
}

async function startAll(start: Start): Promise<CannotStart | null> {
  const { options, shutdown, running, opened, onProgress, elapsedMs } = start;
  // The rest of the program is read while PostgreSQL starts, in the time that is spent waiting anyway.
  const loading = import('./dev-parts.ts');
  loading.catch(() => {});
  const database = await startDatabase(start);
  if (isCannotStart(database)) return withAddressOfOther(database, options.dataDir);
  const context: DevContext = {
    ...options,
    databaseUrl: database.url,
    log: opened.log,
    onProgress,
    signal: shutdown.signal,
    fail: (fault) => shutdown.request({ kind: 'fault', fault }),
    commands: commandsFor(options),
  };
  const portFault = await checkPorts(options);
  if (portFault !== null) return portFault;
  const started = await startParts((await loading).parts(context), shutdown, running);
  if (isCannotStart(started) || shutdown.signal.aborted) return isCannotStart(started) ? started : null;
  await writeRuntime(options.dataDir, {
    pid: process.pid,
    apiUrl: `http://127.0.0.1:${options.apiPort}`,
    providerUrl: `http://127.0.0.1:${options.providerPort}`,
    ...Object.assign({}, ...started.map(({ addresses }) => addresses)),
    databaseUrl: withoutPassword(database.url),
    databasePasswordFile: database.passwordFile,
    databaseNeedsPassword: hasPassword(database.url),
  });
  running.push({ name: 'runtime.json', stop: () => removeRuntime(options.dataDir), waitMs: 1_000 });
  const told = [{ name: 'PostgreSQL', detail: database.detail }, ...started].filter(({ detail }) => detail !== '');
  greet(options, {
    parts: told,
    pid: process.pid,
    seconds: (elapsedMs() / 1000).toFixed(1),
    dataDir: options.dataDir,
    logPath: opened.path,
    tryIt: started.find(({ tryIt }) => tryIt !== undefined)?.tryIt,
    next: started.flatMap(({ next }) => next ?? []),
  });
  opened.log.info('ready', { pid: process.pid, durationMs: Math.round(elapsedMs()) });
  return null;
}

/** A greeting that nobody can read is said to be lost; it runs all the same. */
function greet(options: DevOptions, facts: Parameters<typeof banner>[0]): void {
  if (options.quiet) return;
  const output = outputTo(process.stdout);
  output.write(`${banner(facts)}\n`);
  void output.settled().then((fault) => {
    if (fault !== null) say(process.stderr, `\n${fault.message} Onetill runs all the same (pid ${facts.pid}).\n`);
  });
}

type StartedDatabase = { readonly url: string; readonly detail: string; readonly passwordFile: string | null };

async function startDatabase(start: Start): Promise<StartedDatabase | CannotStart> {
  const { options, shutdown, running, onProgress } = start;
  const to = { log: start.opened.log, onProgress };
  if (options.databaseUrl !== null) {
    const given = await useGivenDatabase({ url: options.databaseUrl, dataDir: options.dataDir, ...to });
    if (isCannotStart(given)) return given;
    running.push({ name: 'the database', stop: given.release, waitMs: 2_000 });
    const { host } = new URL(options.databaseUrl);
    return { url: options.databaseUrl, detail: `${host} (version ${given.version}, yours)`, passwordFile: null };
  }
  const { startEmbeddedPostgres } = await import('../shared/postgres/embedded.ts');
  const server = await startEmbeddedPostgres({
    dataDir: options.dataDir,
    ...to,
    signal: shutdown.signal,
    onLost: (fault) => shutdown.request({ kind: 'fault', fault }),
  });
  if (isCannotStart(server)) return server;
  const stop = () => {
    // A second Ctrl-C while the fast shutdown is under way turns it into an immediate one.
    void shutdown.urged.then(() => server.stop({ immediately: true }));
    return server.stop({ immediately: shutdown.isUrged() });
  };
  running.push({ name: 'PostgreSQL', stop, waitMs: postgresStopWaitMs });
  if (server.adopted) to.onProgress('Found PostgreSQL still running from a former start, and took it over.');
  const detail = `127.0.0.1:${server.port} (pid ${server.pid()})`;
  return { url: server.url, detail, passwordFile: server.passwordFile };
}

type Told = StartedPart & { readonly name: string };

async function startParts(
  list: readonly Part[],
  shutdown: Shutdown,
  running: Running[],
): Promise<Told[] | CannotStart> {
  const started: Told[] = [];
  for (const part of list) {
    if (shutdown.signal.aborted) return started;
    const outcome = await part.start().catch((error: unknown) => {
      const fault = explainSystemError(error, part.name);
      if (fault === null) throw error;
      return fault;
    });
    if (isCannotStart(outcome)) return outcome;
    running.push({ name: part.name, stop: () => outcome.stop(), waitMs: partStopWaitMs });
    started.push({ ...outcome, name: part.name });
  }
  return started;
}

/** Asked for before the parts start, so that a busy port is not the last news after an import. */
async function checkPorts(options: DevOptions): Promise<CannotStart | null> {
  const wanted = [
    { what: 'the API', port: options.apiPort },
    { what: 'the payment provider', port: options.providerPort },
  ];
  for (const { what, port } of wanted) {
    const fault = await new Promise<CannotStart | null>((resolve) => {
      const server = createServer();
      server.on('error', (error) => resolve(explainSystemError(error, what)));
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(null)));
    });
    if (fault !== null) return fault;
  }
  return null;
}

/** Backwards, each with a bound: one that hangs must not keep PostgreSQL, which comes last, from a clean end. */
async function stopAll(running: Running[], shutdown: Shutdown, log: Logger | undefined): Promise<void> {
  for (const one of running.reverse()) {
    const isDatabase = one.waitMs === postgresStopWaitMs;
    const bounded = new AbortController();
    const bound = sleep(one.waitMs, bounded.signal).then(() => 'late' as const);
    const urged = isDatabase ? [] : [shutdown.urged.then(() => 'late' as const)];
    try {
      const outcome = await Promise.race([one.stop().then(() => 'stopped' as const), bound, ...urged]);
      if (outcome === 'late') log?.warn('a part did not stop in time', { task: one.name });
    } catch (error) {
      log?.error('a part failed to stop', { task: one.name, error: toError(error) });
    } finally {
      bounded.abort();
    }
  }
}
