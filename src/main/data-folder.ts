import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folderName = '.onetill';

/** Where `npm start` keeps its data when it is not told otherwise, from whichever folder it is run. */
export const projectDataDir = join(fileURLToPath(new URL('../..', import.meta.url)), folderName);

/** Where a command looks when it is not told otherwise: the data folder beside it, else that of the project. */
export function defaultDataDir(currentDir: string): string {
  const here = join(currentDir, folderName);
  return existsSync(here) ? here : projectDataDir;
}
