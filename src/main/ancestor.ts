import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { isAlive } from '../shared/postgres/embedded-cluster.ts';

/**
 * Calls back once when the npm that runs us is gone. A killed npm takes nothing along: without this, the system would
 * go on with nobody to stop it, and keep its data and ports from the next start. Started without npm nothing is
 * watched, because a server put into the background by a script must survive the script.
 */
export function watchAncestor(onGone: (pid: number) => void): () => void {
  if (process.env.npm_lifecycle_event === undefined) return () => {};
  const pid = npmAbove() ?? process.ppid;
  const parent = process.ppid;
  const watchEveryMs = 300;
  const timer = setInterval(() => {
    // Whoever adopts an orphan, its parent is another one than before.
    if (isAlive(pid) && process.ppid === parent) return;
    clearInterval(timer);
    onGone(pid);
  }, watchEveryMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** The nearest ancestor that is npm (or a kin of it): there may be a shell between. */
function npmAbove(): number | null {
  const ancestorsMax = 5;
  let pid = process.ppid;
  for (let step = 0; step < ancestorsMax && pid > 1; step += 1) {
    const { parent, command } = describe(pid);
    if (/\b(npm|npx|pnpm|yarn|bun)\b/.test(command) && !/^\S*sh\b/.test(command)) return pid;
    pid = parent;
  }
  return null;
}

function describe(pid: number): { parent: number; command: string } {
  try {
    if (process.platform === 'linux') {
      const parent = /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return { parent: Number(parent ?? 0), command };
    }
    const shown = execFileSync('ps', ['-o', 'ppid=,command=', '-p', String(pid)], { encoding: 'utf8' }).trim();
    const [, parent = '0', command = ''] = /^(\d+)\s+(.*)$/s.exec(shown) ?? [];
    return { parent: Number(parent), command };
  } catch {
    return { parent: 0, command: '' };
  }
}
