import { mkdir, open, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createLogger, type Logger, type LogLevel, silentLogger } from '../shared/log.ts';
import { startEmbeddedPostgres } from '../shared/postgres/embedded.ts';
import { type CannotStart, cannotStart, explainSystemError, isCannotStart } from '../shared/postgres/embedded-fault.ts';

const markerName = 'THIS-FOLDER-IS-ONETILLS.txt';
const markerText = `This folder holds the data of Onetill: the database, its password, logs.
'npm start -- --reset' removes everything in it.
`;

/**
 * Makes the data folder, or checks that the one that is there is ours: --reset empties it, so a folder that holds
 * anything else is refused before anything is put into it.
 */
export async function prepareDataFolder(dataDir: string): Promise<CannotStart | null> {
  try {
    await mkdir(dataDir, { recursive: true });
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
    const fault = explainSystemError(error, dataDir);
    if (fault === null) throw error;
    return fault;
  }
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

/** A log file in the data folder. The one before it is kept when this one has grown too large. */
export async function openLog(
  dataDir: string,
  level: LogLevel,
): Promise<{ log: Logger; path: string; close(): Promise<void> }> {
  const logBytesMax = 20 * 1024 * 1024;
  const path = join(dataDir, 'log', 'onetill.log');
  await mkdir(join(dataDir, 'log'), { recursive: true });
  const size = await stat(path).then(
    (found) => found.size,
    () => 0,
  );
  if (size > logBytesMax) await rename(path, `${path}.1`);
  const file = await open(path, 'a');
  return { log: createLogger({ process: 'dev', level, fileDescriptor: file.fd }), path, close: () => file.close() };
}
