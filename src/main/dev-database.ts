import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import pg from 'pg';
import { type CannotStart, cannotStart, isCannotStart } from '../shared/postgres/embedded-fault.ts';
import { takeLock } from '../shared/postgres/embedded-lock.ts';
import { readRuntime } from './runtime.ts';

const versionMin = 15;
const urlForm = 'postgres://user:password@host:5432/database';

/**
 * Checks that the server of DATABASE_URL can be used, and takes the lock of our data folder on it, so that two copies
 * never share a folder. Answers how to let go of it, or the one fault that stands in the way.
 */
export async function useGivenDatabase(options: {
  readonly url: string;
  readonly dataDir: string;
  readonly onProgress: (line: string) => void;
}): Promise<{ version: string; release(): Promise<void> } | CannotStart> {
  const version = await checkDatabase(options.url);
  if (isCannotStart(version)) return version;
  const digest = createHash('sha256').update(`${hostname()}:${options.dataDir}`).digest();
  const outcome = await takeLock({
    url: options.url,
    key: digest.readBigInt64BE(0),
    waitMs: 10_000,
    onWaiting: () => options.onProgress('Waiting for the start before this one to let go …'),
    onLost: () => {},
  });
  if (outcome.kind === 'held') return { version, release: outcome.lock.release };
  if (outcome.kind === 'unreachable') return explain(outcome.error, options.url);
  const pid = outcome.holder.pid === null ? '' : ` (pid ${outcome.holder.pid})`;
  return cannotStart(
    `Onetill is running on ${options.dataDir} already${pid}.`,
    'Stop that one first, or run this one on other data and ports: ' +
      'npm start -- --data DIR --port 3800 --provider-port 3801.',
  );
}

/** Adds where the copy that is running can be found, to the message that it is. */
export async function withAddressOfOther(fault: CannotStart, dataDir: string): Promise<CannotStart> {
  const other = await readRuntime(dataDir);
  if (other === null || !fault.message.includes(`pid ${other.pid}`)) return fault;
  return { ...fault, message: `${fault.message.replace(/\.$/, '')}, and answers at ${other.apiUrl}.` };
}

/** The version of the server, or what is wrong with it. */
async function checkDatabase(url: string): Promise<string | CannotStart> {
  if (!URL.canParse(url) || !/^postgres(ql)?:$/.test(new URL(url).protocol)) {
    return cannotStart('DATABASE_URL is not the address of a PostgreSQL server.', `It looks like ${urlForm}.`);
  }
  const client = new pg.Client({
    connectionString: url,
    application_name: 'onetill start',
    connectionTimeoutMillis: 8_000,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query(
      `select current_setting('server_version_num')::int / 10000 as major,
              current_setting('server_version') as version,
              current_setting('server_encoding') as encoding,
              pg_is_in_recovery() as standby,
              current_user::text as role,
              coalesce(has_schema_privilege(current_schema(), 'create'), false) as may_create`,
    );
    return judgeServer(rows[0], url);
  } catch (error) {
    return explain(error, url);
  } finally {
    await client.end().catch(() => {});
  }
}

/** The version of a server that can be used, or why it cannot. */
export function judgeServer(row: Record<string, unknown>, url: string): string | CannotStart {
  const where = shown(url);
  if (Number(row.major) < versionMin) {
    return cannotStart(
      `The server at ${where} is PostgreSQL ${row.version}; Onetill needs ${versionMin} or newer.`,
      'Use a newer server, or start without DATABASE_URL: then an embedded one is used.',
    );
  }
  if (row.encoding !== 'UTF8') {
    return cannotStart(
      `The database at ${where} is encoded in ${row.encoding}; Onetill needs UTF8.`,
      "Create one with: create database onetill encoding 'UTF8' template template0",
    );
  }
  if (row.standby === true) {
    return cannotStart(`The server at ${where} is a standby: it only reads.`, 'Give the address of the primary.');
  }
  if (row.may_create !== true) {
    return cannotStart(
      `The role '${row.role}' may not create tables in the database at ${where}.`,
      `Let its owner run: grant create on schema public to "${row.role}"`,
    );
  }
  return String(row.version);
}

function explain(error: unknown, url: string): CannotStart {
  const { code, message } = error as { code?: string; message?: string };
  const where = shown(url);
  const orEmbedded = 'Mend DATABASE_URL, or start without it: then an embedded server is used.';
  switch (code) {
    case 'ECONNREFUSED':
      return cannotStart(`Nothing answers at ${where} (connection refused).`, `Start that server. ${orEmbedded}`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return cannotStart(`The host of DATABASE_URL is not known: ${where}.`, orEmbedded);
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return cannotStart(`The host of DATABASE_URL cannot be reached: ${where}.`, orEmbedded);
    case '28P01':
      return cannotStart(`The server at ${where} refuses the user or the password.`, orEmbedded);
    case '28000':
      return cannotStart(`The server at ${where} does not let this user in: ${message}.`, orEmbedded);
    case '3D000':
      return cannotStart(
        `The server at ${where} has no such database.`,
        "Create it (create database onetill encoding 'UTF8'), or mend DATABASE_URL.",
      );
    case '42501':
      return cannotStart(`The user of DATABASE_URL may not connect to ${where}.`, orEmbedded);
    case '53300':
      return cannotStart(`The server at ${where} has no connection left.`, 'Raise its max_connections, or try later.');
    default:
      if (/timeout/i.test(message ?? '')) {
        return cannotStart(`No PostgreSQL answers at ${where} in time.`, orEmbedded);
      }
      return cannotStart(
        `The database at ${where} cannot be used: ${message ?? code ?? 'it does not say why'}.`,
        orEmbedded,
      );
  }
}

/** The address without what is secret in it. */
function shown(url: string): string {
  const { hostname: host, port, pathname } = new URL(url);
  return `${host}:${port === '' ? '5432' : port}${pathname}`;
}
