import pg from 'pg';
import { sleep, stopwatch } from '../clock.ts';
import { toError } from '../failure.ts';

/** The one who has the lock. */
export type Holder = { readonly pid: number | null };

export type HeldLock = {
  /** Gives the lock up. */
  release(): Promise<void>;
};

export type LockOutcome =
  | { readonly kind: 'held'; readonly lock: HeldLock }
  | { readonly kind: 'taken'; readonly holder: Holder }
  | { readonly kind: 'unreachable'; readonly error: Error };

/**
 * Takes the advisory lock that says "this data is mine". It belongs to a session, so it dies with the process that
 * holds it, however that one dies. Waits up to `waitMs` for a holder who is on the way out.
 */
export async function takeLock(options: {
  readonly url: string;
  readonly key: bigint;
  readonly waitMs: number;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
  readonly onWaiting: (holder: Holder) => void;
  /** The session ended without release(): the server went away, or an administrator ended it. */
  readonly onLost: () => void;
}): Promise<LockOutcome> {
  const client = new pg.Client({
    connectionString: options.url,
    application_name: `${holderName}${process.pid}`,
    connectionTimeoutMillis: 5_000,
    keepAlive: true,
  });
  let state: 'taking' | 'held' | 'released' = 'taking';
  client.on('error', () => {});
  client.on('end', () => {
    if (state === 'held') options.onLost();
    state = 'released';
  });
  try {
    await client.connect();
    const elapsedMs = stopwatch();
    const pollMs = 100;
    let told = false;
    while (!(await tryLock(client, options.key))) {
      const holder = await findHolder(client, options.key);
      if (elapsedMs() >= options.waitMs || options.signal?.aborted) {
        await client.end();
        return { kind: 'taken', holder };
      }
      if (!told && elapsedMs() > 500) {
        options.onWaiting(holder);
        told = true;
      }
      await sleep(pollMs, options.signal);
    }
  } catch (error) {
    await client.end().catch(() => {});
    return { kind: 'unreachable', error: toError(error) };
  }
  state = 'held';
  const lock: HeldLock = {
    release: async () => {
      state = 'released';
      await client.end().catch(() => {});
    },
  };
  return { kind: 'held', lock };
}

const holderName = 'onetill start, pid ';

async function tryLock(client: pg.Client, key: bigint): Promise<boolean> {
  const { rows } = await client.query('select pg_try_advisory_lock($1) as held', [key.toString()]);
  return rows[0]?.held === true;
}

async function findHolder(client: pg.Client, key: bigint): Promise<Holder> {
  const { rows } = await client.query(
    `select activity.application_name
       from pg_locks as locks
       join pg_stat_activity as activity on activity.pid = locks.pid
      where locks.locktype = 'advisory' and locks.granted and locks.objsubid = 1
        and locks.database = (select oid from pg_database where datname = current_database())
        and (locks.classid::bigint << 32) | locks.objid::bigint = $1
      limit 1`,
    [key.toString()],
  );
  const pid = /pid (\d+)$/.exec(String(rows[0]?.application_name ?? ''))?.[1];
  return { pid: pid === undefined ? null : Number(pid) };
}
