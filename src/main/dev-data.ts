import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createLogger, type Logger, type LogLevel, silentLogger } from '../shared/log.ts';
import { startEmbeddedPostgres } from '../shared/postgres/embedded.ts';
import {
  adviceOfStart,
  type CannotStart,
  cannotStart,
  explainSystemError,
  isCannotStart,
} from '../shared/postgres/embedded-fault.ts';

const markerName = 'THIS-FOLDER-IS-ONETILLS.txt';
const markerText = `This folder holds the data of Onetill: the database, its password, logs.
'npm start -- --reset' removes everything in it.
`;

/**
 * Makes the data folder, or checks that the one that is there is ours: --reset empties it, so a folder that holds
 * anything else is refused before anything is put into it.
 */
export async function prepareDataFolder(dataDir: string): Promise<CannotStart | null> {
  if (Buffer.byteLength(dataDir) > dataDirBytesMax) {
    return cannotStart(
      `The path of the data folder is too long: PostgreSQL takes ${dataDirBytesMax} bytes at the most.`,
      adviceOfStart.folder,
    );
  }
  try {
    await makeFolder(dataDir);
    const entries = await readdir(dataDir);
    if (entries.includes(markerName)) return null;
    if (entries.length > 0) {
      return cannotStart(
        `${dataDir} holds files that are not Onetill's.`,
        'Name a folder that is empty or does not exist yet with --data DIR.',
      );
    }
    await writeFile(join(dataDir, markerName), markerText);
    return null;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    const fault = explainSystemError(error, dataDir);
    return fault ?? cannotStart(`The folder ${dataDir} cannot be made (${code}).`, adviceOfStart.folder);
  }
}

/** PostgreSQL holds a path in 1,024 bytes, and puts its own names behind ours. */
const dataDirBytesMax = 900;

/** With its parents. Node's own way of making them turns for ever where a parent takes no folder, such as in /proc. */
async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && dirname(path) !== path) {
      await makeFolder(dirname(path));
      await mkdir(path);
    } else if (code !== 'EEXIST' || !(await isFolder(path))) throw error;
  }
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** Removes everything in the data folder. Refuses while another copy runs on it. */
export async function resetDataFolder(
  dataDir: string,
  onProgress: (line: string) => void,
): Promise<CannotStart | null> {
  const clusterIsThere = await stat(join(dataDir, 'postgres', 'PG_VERSION')).catch(() => null);
  if (clusterIsThere !== null) {
    // Whoever can start it owns it: nobody else runs on this data, nor will until it is stopped.
    const server = await startEmbeddedPostgres({ dataDir, log: silentLogger, onProgress });
    if (!isCannotStart(server)) await server.stop({ immediately: true });
    else if (/is running on/.test(server.message)) return server;
  }
  for (const name of await readdir(dataDir)) {
    if (name !== markerName) await rm(join(dataDir, name), { recursive: true, force: true });
  }
  return null;
}

/** Above this the log is turned: what the folder holds of it is at most twice as much. */
const logBytesMax = 20 * 1024 * 1024;

/** The log: a file in the data folder, with the one before it beside it. */
export async function openLog(dataDir: string, level: LogLevel): Promise<{ log: Logger; path: string }> {
  const path = join(dataDir, 'log', 'onetill.log');
  await mkdir(join(dataDir, 'log'), { recursive: true });
  return { log: createLogger({ process: 'dev', level, file: { path, bytesMax: logBytesMax } }), path };
}
