import { createServer } from 'node:net';
import { never } from '../shared/assert.ts';
import { sleep, stopwatch } from '../shared/clock.ts';
import { toError } from '../shared/failure.ts';
import type { Logger } from '../shared/log.ts';
import { type CannotStart, explainSystemError, isCannotStart } from '../shared/postgres/embedded-fault.ts';
import { banner } from './dev-banner.ts';
import { openLog, prepareDataFolder, resetDataFolder } from './dev-data.ts';
import { useGivenDatabase, withAddressOfOther } from './dev-database.ts';
import { type DevOptions, parseOptions, usage } from './dev-options.ts';
import type { DevContext, Part, StartedPart } from './dev-parts.ts';
import { type EndReason, listenForShutdown, type Shutdown } from './dev-shutdown.ts';
import { removeRuntime, writeRuntime } from './runtime.ts';

/** Something that was started and must be stopped, whatever happens. */
type Running = { readonly name: string; readonly stop: () => Promise<void>; readonly waitMs: number };

/** Longer than a part needs to finish what it has begun; whatever it leaves is taken up at the next start. */
const partStopWaitMs = 10_000;
/** Fast shutdown, immediate shutdown and the kill, one after the other (embedded-process.ts). */
const postgresStopWaitMs = 30_000;

/** The start command: the whole system in one process. Answers the exit code once everything is stopped again. */
export async function run(argv: readonly string[]): Promise<number> {
  const options = parseOptions(argv, process.env);
  if (options === 'help') {
    process.stdout.write(usage);
    return 0;
  }
  if (isCannotStart(options)) {
    tell(options);
    return 2;
  }
  const folderFault = await prepareDataFolder(options.dataDir);
  if (folderFault !== null) {
    tell(folderFault);
    return 1;
  }
  const shutdown = listenForShutdown((reason) => {
    if (reason.kind === 'asked' && !options.quiet) process.stdout.write('\nStopping …\n');
  });
  const running: Running[] = [];
  let logged: { log: Logger; path: string } | undefined;
  let end: EndReason;
  try {
    const fault = await startAll(options, shutdown, running, (opened) => (logged = opened));
    if (fault !== null) shutdown.request({ kind: 'fault', fault });
    end = await shutdown.requested;
  } catch (error) {
    const fault = explainSystemError(error, options.dataDir);
    end = fault === null ? { kind: 'unexpected', error } : { kind: 'fault', fault };
    shutdown.request(end);
  }
  const code = report(end, logged);
  await stopAll(running, shutdown, logged?.log);
  shutdown.release();
  if (code === 0 && !options.quiet) process.stdout.write('Stopped. Nothing is left running; the data is kept.\n');
  return code;
}

async function startAll(
  options: DevOptions,
  shutdown: Shutdown,
  running: Running[],
  onLog: (opened: { log: Logger; path: string }) => void,
): Promise<CannotStart | null> {
  const elapsedMs = stopwatch();
  const onProgress = (line: string) => {
    if (!options.quiet) process.stdout.write(`${line}\n`);
  };
  if (options.reset) {
    const fault = await resetDataFolder(options.dataDir, onProgress);
    if (fault !== null) return withAddressOfOther(fault, options.dataDir);
    onProgress(`Began anew: ${options.dataDir} is empty.`);
  }
  const opened = await openLog(options.dataDir, options.logLevel);
  onLog(opened);
  // The rest of the program is read while PostgreSQL starts, in the time that is spent waiting anyway.
  const loading = import('./dev-parts.ts');
  loading.catch(() => {});
  const database = await startDatabase(options, shutdown, running, { log: opened.log, onProgress });
  if (isCannotStart(database)) return withAddressOfOther(database, options.dataDir);
  const context: DevContext = {
    ...options,
    databaseUrl: database.url,
    log: opened.log,
    onProgress,
    signal: shutdown.signal,
    fail: (fault) => shutdown.request({ kind: 'fault', fault }),
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
  });
  running.push({ name: 'runtime.json', stop: () => removeRuntime(options.dataDir), waitMs: 1_000 });
  const told = [{ name: 'PostgreSQL', detail: database.detail }, ...started].filter(({ detail }) => detail !== '');
  onProgress(
    banner({
      parts: told,
      pid: process.pid,
      seconds: (elapsedMs() / 1000).toFixed(1),
      dataDir: options.dataDir,
      logPath: opened.path,
      tryIt: started.find(({ tryIt }) => tryIt !== undefined)?.tryIt,
      next: started.flatMap(({ next }) => next ?? []),
    }),
  );
  opened.log.info('ready', { pid: process.pid, durationMs: Math.round(elapsedMs()) });
  return null;
}

type StartedDatabase = { readonly url: string; readonly detail: string; readonly passwordFile: string | null };

async function startDatabase(
  options: DevOptions,
  shutdown: Shutdown,
  running: Running[],
  to: { log: Logger; onProgress: (line: string) => void },
): Promise<StartedDatabase | CannotStart> {
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

/** Tells why the run ends, and answers the exit code: being asked to stop is no failure. */
function report(end: EndReason, logged: { log: Logger; path: string } | undefined): number {
  switch (end.kind) {
    case 'asked':
      logged?.log.info('stopping', { reason: end.by });
      return 0;
    case 'fault':
      logged?.log.error('cannot go on', { reason: end.fault.message });
      tell(end.fault);
      return 1;
    case 'unexpected': {
      const error = toError(end.error);
      logged?.log.error('an unexpected fault', { error });
      const where = logged === undefined ? '' : ` Its stack is in ${logged.path}.`;
      process.stderr.write(`\nAn unexpected fault: ${error.message.split('\n')[0]}.${where}\n`);
      return 1;
    }
    default:
      return never(end, 'the reason of an end');
  }
}

function tell(fault: CannotStart): void {
  process.stderr.write(`\n${fault.message}\n${fault.next}\n`);
}

function withoutPassword(url: string): string {
  const bare = new URL(url);
  bare.password = '';
  return bare.toString();
}
