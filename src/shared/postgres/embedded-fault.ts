/**
 * Why something could not be started, said to the person who started it: what is wrong and what to do. It is a
 * value, because every one of these faults is expected on somebody's machine, and none of them needs a stack.
 */
export type CannotStart = { readonly cannotStart: true; readonly message: string; readonly next: string };

export function cannotStart(message: string, next: string): CannotStart {
  return { cannotStart: true, message, next };
}

export function isCannotStart(value: unknown): value is CannotStart {
  return typeof value === 'object' && value !== null && (value as { cannotStart?: unknown }).cannotStart === true;
}

/** What to do about a fault depends on what was started. Whole sentences. */
export type Advice = {
  readonly folder: string;
  readonly port: string;
  readonly lowPort: string;
  readonly host: string;
};

export const adviceOfStart: Advice = {
  folder: 'Name another folder with --data DIR.',
  port: 'Stop that program, or choose other ports: npm start -- --port 3800 --provider-port 3801.',
  lowPort: 'Choose a port above 1023.',
  host: 'Name an address of this machine.',
};

/** The fault behind an error of the operating system, or null of an error that only its stack explains. */
export function explainSystemError(error: unknown, what: string, advice: Advice = adviceOfStart): CannotStart | null {
  const { code, port, path, address, hostname } = (error ?? {}) as Readonly<Record<string, unknown>>;
  const place = shortened(typeof path === 'string' ? path : what);
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return diskFull(place);
    case 'EROFS':
      return cannotStart(`${place} is on a file system that is read-only.`, advice.folder);
    case 'ENAMETOOLONG':
      return cannotStart(`The path ${place} is too long.`, advice.folder);
    case 'EACCES':
    case 'EPERM':
      if (typeof port === 'number') return cannotStart(`This user may not listen on port ${port}.`, advice.lowPort);
      return cannotStart(`This user may not write to ${place}.`, `Run as the user who owns it. ${advice.folder}`);
    case 'EADDRINUSE':
      if (typeof port !== 'number') return null;
      return cannotStart(`Port ${port} is taken by another program, so ${what} cannot listen on it.`, advice.port);
    case 'EADDRNOTAVAIL':
      return cannotStart(
        `${String(address)} is no address of this machine, so ${what} cannot listen on it.`,
        advice.host,
      );
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return cannotStart(`The host ${String(hostname)} is not known here.`, advice.host);
    case 'ENOTDIR':
    case 'EEXIST':
      return cannotStart(`${place} is no folder, and one is needed there.`, advice.folder);
    default:
      return null;
  }
}

/** Enough of a path to know it by. */
function shortened(path: string): string {
  const shownMax = 120;
  return path.length <= shownMax ? path : `${path.slice(0, shownMax)}…`;
}

export function diskFull(place: string): CannotStart {
  return cannotStart(
    `The disk is full: ${place} cannot be written.`,
    'Free some space (a first start needs about 200 MB) and start again, ' +
      'or name a folder on another disk with --data DIR.',
  );
}

/** The fault that the last words of initdb or postgres tell of. */
export function explainServerOutput(output: string, place: string, logPath: string): CannotStart {
  if (/No space left on device|Disk quota exceeded|Check free disk space/i.test(output)) return diskFull(place);
  if (/could not create shared memory|could not map anonymous shared memory|Cannot allocate memory/i.test(output)) {
    return cannotStart('There is not enough memory for PostgreSQL.', 'Close something else, and start again.');
  }
  if (/error while loading shared libraries|Library not loaded|not found \(required by/i.test(output)) {
    return cannotStart(
      `The PostgreSQL of the npm package does not run on this system: ${lastLine(output)}`,
      'Delete node_modules and start again, or set DATABASE_URL to a PostgreSQL server of your own.',
    );
  }
  return cannotStart(
    `PostgreSQL did not start: ${lastLine(output)}`,
    `Its log is ${logPath}. If the data may go, begin anew with: npm start -- --reset`,
  );
}

/** The last line that names a fault, else the last line. */
function lastLine(output: string): string {
  const lines = output.split('\n').filter((line) => line.trim() !== '');
  const telling = lines.filter((line) => /FATAL|PANIC|error:|ERROR/.test(line));
  return (telling.at(-1) ?? lines.at(-1) ?? 'it said nothing').trim().slice(0, 500);
}
