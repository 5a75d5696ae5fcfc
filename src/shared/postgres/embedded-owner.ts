import pg from 'pg';
import { sleep } from '../clock.ts';
import { embeddedRole } from './embedded-cluster.ts';
import { type CannotStart, cannotStart } from './embedded-fault.ts';
import { type HeldLock, type Holder, takeLock } from './embedded-lock.ts';
import type { Postmaster } from './embedded-process.ts';
import { fingerprintSetting } from './embedded-settings.ts';

/** How to get in, and where to look when that fails. */
export type Access = {
  readonly password: string;
  readonly passwordFile: string;
  readonly logDir: string;
  readonly onProgress: (line: string) => void;
};

export type OwnOptions = { readonly dataDir: string; readonly lockWaitMs?: number; readonly signal?: AbortSignal };

/** The database of Onetill in the embedded server. */
export const embeddedDatabase = 'onetill';
/** "onetill" in ASCII. One session per cluster holds it: the copy of Onetill that owns the data. */
const dataLockKey = 0x6f6e6574696c6cn;

/** What the one who finds the data taken is told to do. */
export const takenNext =
  'Stop that one first (Ctrl-C there, or kill it by that pid), or run this one on other data and ports: ' +
  'npm start -- --data DIR --port 3800 --provider-port 3801.';

/** Takes the lock of the data, making the database on the way when it is not there yet. */
export async function own(
  ground: Access,
  postmaster: Postmaster,
  options: OwnOptions,
  onLost: () => void,
): Promise<HeldLock | CannotStart> {
  const triesMax = 20;
  let lastError = '';
  for (let tryNumber = 1; tryNumber <= triesMax; tryNumber += 1) {
    const outcome = await takeLock({
      url: urlOf(ground, postmaster.port, embeddedDatabase),
      key: dataLockKey,
      waitMs: options.lockWaitMs ?? 10_000,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
      onWaiting: (holder) => ground.onProgress(`Waiting for the start before this one${who(holder)} to let go …`),
      onLost,
    });
    if (outcome.kind === 'held') return outcome.lock;
    if (outcome.kind === 'taken') {
      return cannotStart(`Onetill is running on ${options.dataDir} already${who(outcome.holder)}.`, takenNext);
    }
    lastError = outcome.error.message;
    const code = String((outcome.error as { code?: unknown }).code ?? '');
    if (code === '3D000') await createDatabase(ground, postmaster.port);
    else if (code === '28P01') {
      return cannotStart(
        `The password in ${ground.passwordFile} is not that of the database.`,
        'Put the file back from a copy, or begin anew with: npm start -- --reset',
      );
    } else await sleep(100);
  }
  return cannotStart(
    `PostgreSQL runs (pid ${postmaster.pid}) but does not answer: ${lastError}`,
    `Its log is in ${ground.logDir}.`,
  );
}

function who(holder: Holder): string {
  return holder.pid === null ? '' : ` (pid ${holder.pid})`;
}

/** With the password in it. */
export function urlOf(ground: Access, port: number, name: string): string {
  return `postgres://${embeddedRole}:${ground.password}@127.0.0.1:${port}/${name}`;
}

async function createDatabase(ground: Access, port: number): Promise<void> {
  const duplicateDatabase = ['42P04', '23505'];
  await once(urlOf(ground, port, 'postgres'), async (client) => {
    await client.query(`create database ${embeddedDatabase}`).catch((error: { code?: string }) => {
      if (!duplicateDatabase.includes(error.code ?? '')) throw error;
    });
  });
}

/** Of the settings that the running server was started with; null of a server that knows none. */
export async function fingerprintOf(ground: Access, port: number): Promise<string | null> {
  return once(urlOf(ground, port, embeddedDatabase), async (client) => {
    const { rows } = await client.query('select current_setting($1, true) as value', [fingerprintSetting]);
    return (rows[0]?.value as string | undefined) ?? null;
  });
}

async function once<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
