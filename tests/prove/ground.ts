import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findBinaries } from '../../src/shared/postgres/embedded-binaries.ts';
import { isCannotStart } from '../../src/shared/postgres/embedded-fault.ts';
import type { LastRun } from './last.ts';

const projectRoot = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** The commit that is proved: with a word when files differ from it, because then the commit alone repeats nothing. */
export async function commitOf(): Promise<string> {
  try {
    const { stdout: commit } = await run('git', ['rev-parse', '--short=12', 'HEAD'], { cwd: projectRoot });
    const { stdout: changes } = await run('git', ['status', '--porcelain'], { cwd: projectRoot });
    return changes.trim() === '' ? commit.trim() : `${commit.trim()} with changes`;
  } catch {
    return 'unknown';
  }
}

export async function machineOf(): Promise<LastRun['machine']> {
  return { cores: cpus().length, node: process.versions.node, postgres: await postgresVersion() };
}

async function postgresVersion(): Promise<string> {
  const binaries = await findBinaries();
  if (isCannotStart(binaries)) return 'unknown';
  const { stdout } = await run(binaries.postgres, ['--version']).catch(() => ({ stdout: '' }));
  return /\d+(\.\d+)+/.exec(stdout)?.[0] ?? binaries.version;
}
