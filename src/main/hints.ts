import type { CannotStart } from '../shared/postgres/embedded-fault.ts';
import { projectDataDir } from './data-folder.ts';
import { hasPassword } from './database-url.ts';

/** How a start was called, as far as others must repeat it to mean the same. */
export type Called = { readonly dataDir: string; readonly databaseUrl: string | null };

/** Commands as they must be typed to find what a start runs: they are pasted as they stand. */
export type Commands = {
  /** `onetill …` of those that look into the database. */
  readonly overDatabase: (command: string) => string;
  /** Of those that call the API: the data folder says where it is. */
  readonly overApi: (command: string) => string;
};

export function commandsFor(called: Called): Commands {
  const data = dataOption(called);
  const overApi = (command: string) => `npx onetill ${command}${data}`;
  return { overApi, overDatabase: needsUrl(called) ? (command) => `${urlAgain} npx onetill ${command}` : overApi };
}

/** The fault with its advice as it must be typed: `npm start` alone would mean the data folder of the project. */
export function startedWith(called: Called, fault: CannotStart): CannotStart {
  const url = called.databaseUrl === null ? '' : `${urlAgain} `;
  const data = dataOption(called);
  const next = fault.next.replaceAll(/npm start --(?! --data)(?! --help)/g, `${url}npm start --${data}`);
  return { ...fault, next };
}

/** The options that make a next command mean the database of this one. */
export function sameDatabase(options: { readonly data?: string; readonly databaseUrl?: string }): string {
  if (options.databaseUrl !== undefined) return ' --database-url …';
  return options.data === undefined ? '' : ` --data ${quoted(options.data)}`;
}

/** The password is not repeated: what stands on a screen is read by others. */
const urlAgain = 'DATABASE_URL=…';

function needsUrl({ databaseUrl }: Called): boolean {
  return databaseUrl !== null && hasPassword(databaseUrl);
}

function dataOption({ dataDir }: Called): string {
  return dataDir === projectDataDir ? '' : ` --data ${quoted(dataDir)}`;
}

/** As a shell takes it for one word. */
export function quoted(text: string): string {
  return /^[\w./~:@%+=-]+$/.test(text) && !text.startsWith('~') ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
