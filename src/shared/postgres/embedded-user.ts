import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { chown, readFile, stat } from 'node:fs/promises';
import type { Binaries } from './embedded-binaries.ts';
import { type CannotStart, cannotStart } from './embedded-fault.ts';

/** How to run PostgreSQL: as which user, and through which command. */
export type Runner = {
  /** Undefined: as the user who runs us. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** The command line to run for this one. */
  command(file: string, args: readonly string[]): Command;
};

export type Command = {
  readonly file: string;
  readonly args: readonly string[];
  readonly options: { readonly uid?: number; readonly gid?: number; readonly cwd: string; readonly env: Environment };
};

type Environment = Readonly<Record<string, string>>;
type Account = { readonly name: string; readonly uid: number; readonly gid: number };

/** Nothing of the caller's environment: PGDATA, PGOPTIONS or a foreign LD_LIBRARY_PATH would change the server. */
const environment: Environment = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' };

/**
 * PostgreSQL refuses to run as root. As root it runs as the owner of the data if there is one, else as `postgres` if
 * there is such a user, else as `nobody`. That user may be unable to reach our files, typically below /root: then, and
 * only then, it is given the one capability to read and traverse everything.
 */
export async function chooseRunner(options: {
  readonly binaries: Binaries;
  readonly dataDir: string;
  readonly clusterDir: string;
}): Promise<Runner | CannotStart> {
  const { binaries, dataDir, clusterDir } = options;
  const ownerUid = await stat(clusterDir).then(
    (found) => found.uid,
    () => undefined,
  );
  if (process.getuid?.() !== 0) {
    if (ownerUid !== undefined && ownerUid !== process.getuid?.()) {
      return cannotStart(
        `The data in ${clusterDir} belongs to another user.`,
        'Run as that user or as root, or name another folder with --data DIR.',
      );
    }
    return plain(undefined);
  }
  const account = await chooseAccount(ownerUid === 0 ? undefined : ownerUid);
  for (const runner of [plain(account), withReadingRights(account)]) {
    if (canReach(runner, binaries, dataDir)) return runner;
  }
  return cannotStart(
    'You are root. PostgreSQL refuses to run as root, ' +
      `and the user '${account.name}' cannot reach ${binaries.postgres} and ${dataDir}.`,
    'Run as a normal user, or clone to a folder that everyone can enter, such as /opt or /tmp ' +
      '(with --data DIR if only the data is in the way), or set DATABASE_URL to a PostgreSQL server of your own.',
  );
}

/** Hands a file or folder to the user who runs PostgreSQL. */
export async function handOver(path: string, runner: Runner): Promise<void> {
  if (runner.owner !== undefined) await chown(path, runner.owner.uid, runner.owner.gid);
}

function plain(account: Account | undefined): Runner {
  return {
    owner: account,
    command: (file, args) => ({
      file,
      args,
      options: {
        ...(account === undefined ? {} : { uid: account.uid, gid: account.gid }),
        // The current folder may be one that the other user cannot enter.
        cwd: '/',
        env: environment,
      },
    }),
  };
}

/**
 * Through setpriv of util-linux, which replaces itself by the server. The secure bit keeps the capability across the
 * change of user and makes access(2), by which the server looks for its own files, honour it.
 */
function withReadingRights(account: Account): Runner {
  const capability = '+dac_read_search';
  return {
    owner: account,
    command: (file, args) => ({
      file: 'setpriv',
      args: [
        `--reuid=${account.uid}`,
        `--regid=${account.gid}`,
        '--clear-groups',
        '--securebits=+no_setuid_fixup',
        `--inh-caps=${capability}`,
        `--ambient-caps=${capability}`,
        file,
        ...args,
      ],
      options: { cwd: '/', env: environment },
    }),
  };
}

/** Tries it, because access lists, mounts and container rules decide it as much as the modes do. */
function canReach(runner: Runner, binaries: Binaries, dataDir: string): boolean {
  const script = 'test -r "$1" && test -x "$2" && cd "$2" && cd / && exec "$3" --version';
  const command = runner.command('/bin/sh', ['-c', script, 'sh', binaries.sharedFile, dataDir, binaries.postgres]);
  const probe: SpawnSyncReturns<Buffer> = spawnSync(command.file, command.args, {
    ...command.options,
    stdio: 'ignore',
  });
  return probe.status === 0;
}

async function chooseAccount(ownerUid: number | undefined): Promise<Account> {
  const text = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const accounts = text.split('\n').flatMap((line): Account[] => {
    const [name = '', , uid = '', gid = ''] = line.split(':');
    return /^\d+$/.test(uid) && /^\d+$/.test(gid) ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
  });
  if (ownerUid !== undefined) {
    const owner = accounts.find(({ uid }) => uid === ownerUid);
    return owner ?? { name: String(ownerUid), uid: ownerUid, gid: ownerUid };
  }
  for (const name of ['postgres', '_postgres', 'nobody']) {
    const found = accounts.find((account) => account.name === name && account.uid !== 0);
    if (found !== undefined) return found;
  }
  return { name: 'nobody', uid: 65534, gid: 65534 };
}
