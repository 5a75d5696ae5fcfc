import { execFile } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const projectRoot = fileURLToPath(new URL('../..', import.meta.url));
const execute = promisify(execFile);
const outputBytesMax = 64 * 1024 * 1024;

/**
 * The tree of a commit in a folder of its own, with the packages of this one; null where the clone does not have the
 * commit, because it is shallow or no repository at all.
 */
export async function extractRelease(commit: string): Promise<string | null> {
  try {
    await run('git', ['cat-file', '-e', `${commit}^{commit}`], projectRoot);
  } catch {
    return null;
  }
  const tree = await mkdtemp(join(tmpdir(), 'onetill-old-code-'));
  try {
    const archive = join(tree, 'tree.tar');
    await run('git', ['archive', '--format=tar', '--output', archive, commit], projectRoot);
    await run('tar', ['-xf', archive, '-C', tree], projectRoot);
    await rm(archive);
    await symlink(join(projectRoot, 'node_modules'), join(tree, 'node_modules'));
    return tree;
  } catch (error) {
    await rm(tree, { recursive: true, force: true });
    throw error;
  }
}

/** Whether a commit that is not found is really missing: a shallow clone is cut off, and so is a bare tree. */
export async function hasWholeHistory(): Promise<boolean> {
  const answer = await run('git', ['rev-parse', '--is-shallow-repository'], projectRoot).catch(() => 'no repository');
  return answer.trim() === 'false';
}

/** Runs a command to its end. Fails, with what it said, when it fails. */
export async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const env = { ...process.env, ...environment };
  const { stdout } = await execute(command, [...args], { cwd, env, maxBuffer: outputBytesMax });
  return stdout;
}
