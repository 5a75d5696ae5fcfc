import { type DurabilitySettings, undurable } from '../operations/durability.ts';
import { durabilitySettings } from '../operations/readiness.sql.ts';
import { connect } from '../shared/postgres/client.ts';
import { type CannotStart, cannotStart } from '../shared/postgres/embedded-fault.ts';
import { isDatabaseUrl, placeOf } from './database-url.ts';
import { type ServerFacts, serverFacts } from './given-server.sql.ts';

const versionMin = 15;
const urlForm = 'postgres://user:password@host:5432/database';
const connectTimeoutMs = 8_000;

/**
 * The version of the server of DATABASE_URL, or the one fault that stands in the way of using it. It is asked over a
 * connection like those that are used afterwards, so that what a role or a database sets for itself is seen.
 */
export async function checkServer(options: {
  readonly url: string;
  /** Whether tables are made over it: by a process that only uses them it is not asked for. */
  readonly createsTables: boolean;
  /** What else can be done about it, as the end of a sentence; empty for nothing. */
  readonly instead: string;
}): Promise<string | CannotStart> {
  const { url } = options;
  if (!isDatabaseUrl(url)) {
    return cannotStart('DATABASE_URL is not the address of a PostgreSQL server.', `It looks like ${urlForm}.`);
  }
  const database = connect({ url, applicationName: 'onetill start', connectionsMax: 1, connectTimeoutMs });
  try {
    const facts = { ...(await serverFacts(database)), ...(await durabilitySettings(database)) };
    return judgeServer(facts, options);
  } catch (error) {
    return explainUnreachable(error, url, options.instead);
  } finally {
    await database.close();
  }
}

/** The version of a server that can be used, or why it cannot. */
export function judgeServer(
  facts: ServerFacts & DurabilitySettings,
  options: { readonly url: string; readonly createsTables: boolean; readonly instead: string },
): string | CannotStart {
  const where = placeOf(options.url);
  if (facts.major < versionMin) {
    return cannotStart(
      `The server at ${where} is PostgreSQL ${facts.version}; Onetill needs ${versionMin} or newer.`,
      `Use a newer server${options.instead}.`,
    );
  }
  if (facts.encoding !== 'UTF8') {
    return cannotStart(
      `The database at ${where} is encoded in ${facts.encoding}; Onetill needs UTF8.`,
      "Create one with: create database onetill encoding 'UTF8' template template0",
    );
  }
  if (facts.standby) {
    return cannotStart(`The server at ${where} is a standby: it only reads.`, 'Give the address of the primary.');
  }
  if (options.createsTables && !facts.may_create) {
    return cannotStart(
      `The role '${facts.role}' may not create tables in the database at ${where}.`,
      `Let its owner run: grant create on schema public to "${facts.role}"`,
    );
  }
  const { fsync, full_page_writes, synchronous_commit } = facts;
  const unsafe = undurable({ fsync, full_page_writes, synchronous_commit });
  if (unsafe.length > 0) {
    return cannotStart(
      `The server at ${where} may forget what it has committed: ${unsafe.join(', ')}. An order that was answered ` +
        'could be lost.',
      'Switch it on: it may be set in postgresql.conf, by alter system, alter database or alter role, or in ' +
        `DATABASE_URL itself${options.instead}.`,
    );
  }
  return facts.version;
}

/** What an error of connecting means for the person who gave the URL. The password is not repeated. */
export function explainUnreachable(error: unknown, url: string, instead: string): CannotStart {
  const { code, message } = error as { code?: string; message?: string };
  const where = placeOf(url);
  const mend = `Mend DATABASE_URL${instead}.`;
  switch (code) {
    case 'ECONNREFUSED':
      return cannotStart(
        `Nothing answers at ${where} (connection refused).`,
        `Start that server, or mend DATABASE_URL${instead}.`,
      );
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return cannotStart(`The host of DATABASE_URL is not known: ${where}.`, mend);
    case 'ETIMEDOUT':
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return cannotStart(`The host of DATABASE_URL cannot be reached: ${where}.`, mend);
    case '28P01':
      return cannotStart(`The server at ${where} refuses the user or the password.`, mend);
    case '28000':
      return cannotStart(`The server at ${where} does not let this user in: ${message}.`, mend);
    case '3D000':
      return cannotStart(
        `The server at ${where} has no such database.`,
        "Create it (create database onetill encoding 'UTF8'), or mend DATABASE_URL.",
      );
    case '42501':
      return cannotStart(`The user of DATABASE_URL may not connect to ${where}.`, mend);
    case '53300':
      return cannotStart(`The server at ${where} has no connection left.`, 'Raise its max_connections, or try later.');
    default:
      if (/timeout/i.test(message ?? '')) return cannotStart(`No PostgreSQL answers at ${where} in time.`, mend);
      return cannotStart(`The database at ${where} cannot be used: ${message ?? code ?? 'it does not say why'}.`, mend);
  }
}
