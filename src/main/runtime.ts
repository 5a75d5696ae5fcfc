import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isAlive } from '../shared/postgres/embedded-cluster.ts';

/** What the start command leaves for the other commands, so that they find the running system without options. */
export type Runtime = {
  readonly pid: number;
  readonly apiUrl: string;
  readonly providerUrl: string;
  /** Without its password. */
  readonly databaseUrl: string;
  /** Where the password is; null when it was given in DATABASE_URL, which the other commands need too. */
  readonly databasePasswordFile: string | null;
  /** False when the URL is all that it takes: a server of yours that asks for no password. */
  readonly databaseNeedsPassword: boolean;
};

/** What runs on this data, or null when nothing does. A file left behind by a kill counts as nothing. */
export async function readRuntime(dataDir: string): Promise<Runtime | null> {
  const text = await readFile(fileOf(dataDir), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    const runtime: unknown = JSON.parse(text);
    return isRuntime(runtime) && isAlive(runtime.pid) ? runtime : null;
  } catch {
    return null;
  }
}

/** The database URL with its password, or null when the password was not kept. */
export async function databaseUrlOf(runtime: Runtime): Promise<string | null> {
  if (!runtime.databaseNeedsPassword) return runtime.databaseUrl;
  if (runtime.databasePasswordFile === null) return null;
  const password = await readFile(runtime.databasePasswordFile, 'utf8').catch(() => null);
  if (password === null) return null;
  const url = new URL(runtime.databaseUrl);
  url.password = password.trim();
  return url.toString();
}

/** Writes the file whole or not at all. */
export async function writeRuntime(dataDir: string, runtime: Runtime): Promise<void> {
  const aside = `${fileOf(dataDir)}.${process.pid}`;
  await writeFile(aside, `${JSON.stringify(runtime, null, 2)}\n`, { mode: 0o644 });
  await rename(aside, fileOf(dataDir));
}

/** Removes the file, if it is still this process's. */
export async function removeRuntime(dataDir: string): Promise<void> {
  const runtime = await readRuntime(dataDir);
  if (runtime?.pid === process.pid) await rm(fileOf(dataDir), { force: true });
}

function fileOf(dataDir: string): string {
  return join(dataDir, 'runtime.json');
}

function isRuntime(value: unknown): value is Runtime {
  const { pid, apiUrl, providerUrl, databaseUrl, databasePasswordFile, databaseNeedsPassword } = (value ??
    {}) as Record<string, unknown>;
  return (
    typeof pid === 'number' &&
    typeof databaseNeedsPassword === 'boolean' &&
    [apiUrl, providerUrl, databaseUrl].every((text) => typeof text === 'string') &&
    (databasePasswordFile === null || typeof databasePasswordFile === 'string')
  );
}
