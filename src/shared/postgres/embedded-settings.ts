import { createHash } from 'node:crypto';

type Setting = { readonly name: string; readonly value: string; readonly why: string };

/** What the embedded server runs with, beyond PostgreSQL's own defaults; and each time, why. */
const settings: readonly Setting[] = [
  { name: 'listen_addresses', value: '127.0.0.1', why: 'it serves this machine only' },
  { name: 'unix_socket_directories', value: '', why: 'sockets in /tmp collide with other servers and users' },
  { name: 'fsync', value: 'on', why: 'an order that was answered survives the plug' },
  { name: 'full_page_writes', value: 'on', why: 'a page torn by the plug is mended from the log' },
  { name: 'synchronous_commit', value: 'on', why: 'committed means on disk' },
  { name: 'max_connections', value: '100', why: 'room for the start command and a dozen processes run apart' },
  { name: 'shared_buffers', value: '128MB', why: 'holds the sample whole, and leaves a laptop its memory' },
  { name: 'max_parallel_workers_per_gather', value: '0', why: 'no query here is long; containers have small /dev/shm' },
  {
    name: 'autovacuum_naptime',
    value: '10s',
    why: 'a busy queue is new rows within seconds; a minute of dead ones is 10 MB',
  },
  { name: 'jit', value: 'off', why: 'compiling costs more than any statement here' },
  { name: 'random_page_cost', value: '1.1', why: 'disks have no arms any more' },
  { name: 'timezone', value: 'UTC', why: 'all times are UTC' },
  { name: 'log_timezone', value: 'UTC', why: 'all times are UTC' },
  { name: 'logging_collector', value: 'on', why: 'the log outlives the process that started the server' },
  { name: 'log_filename', value: 'postgres-%a.log', why: 'one file a weekday, so that a week is kept' },
  { name: 'log_rotation_age', value: '1d', why: 'with the line above and below: seven files and no more' },
  { name: 'log_rotation_size', value: '0', why: 'size would rotate into the same name' },
  { name: 'log_truncate_on_rotation', value: 'on', why: 'last week makes room for this one' },
  { name: 'log_min_error_statement', value: 'panic', why: 'statements may hold personal data' },
  { name: 'log_error_verbosity', value: 'terse', why: "a constraint error's detail quotes the row" },
];

/** For tests that do not test durability: a crash of the machine would lose everything, which no test minds. */
const forgetful: readonly Setting[] = [
  { name: 'fsync', value: 'off', why: 'tests create and drop a database for each file' },
  { name: 'full_page_writes', value: 'off', why: 'as above' },
  { name: 'synchronous_commit', value: 'off', why: 'as above' },
  { name: 'autovacuum', value: 'off', why: 'no database lives long enough' },
  { name: 'max_connections', value: '200', why: 'several test files at once, each with pools of its own' },
];

/** The arguments for `postgres`, with a fingerprint by which a server with other settings is told apart. */
export function settingArguments(options: { durable: boolean; logDir: string; version: string }): {
  readonly arguments: readonly string[];
  readonly fingerprint: string;
} {
  const chosen = new Map(settings.map(({ name, value }) => [name, value]));
  if (!options.durable) for (const { name, value } of forgetful) chosen.set(name, value);
  chosen.set('log_directory', options.logDir);
  const fingerprint = createHash('sha256')
    .update(JSON.stringify([options.version, ...chosen]))
    .digest('hex')
    .slice(0, 16);
  chosen.set(fingerprintSetting, fingerprint);
  return { arguments: [...chosen].flatMap(([name, value]) => ['-c', `${name}=${value}`]), fingerprint };
}

/** A setting of ours, readable with `show`. */
export const fingerprintSetting = 'onetill.fingerprint';
