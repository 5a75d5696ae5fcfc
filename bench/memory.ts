import { readdirSync, readFileSync } from 'node:fs';

export type Memory = {
  readonly nodeMib: number;
  readonly postgresMib: number;
  /** How it was counted: a page that several processes share counts once (PSS), or once in each of them (RSS). */
  readonly kind: 'PSS' | 'RSS';
  readonly processes: number;
};

/** The memory of a Node process and of a PostgreSQL with all its sessions, now. Linux only; elsewhere null. */
export function memoryOf(nodePid: number, postmasterPid: number): Memory | null {
  const parents = parentsOfAll();
  if (parents === null) return null;
  const node = familyOf(nodePid, parents, postmasterPid);
  const postgres = familyOf(postmasterPid, parents, 0);
  const kind = [...node, ...postgres].every((pid) => kibOf(pid, 'Pss') !== null) ? 'PSS' : 'RSS';
  const sumMib = (pids: readonly number[]) =>
    pids.reduce((sum, pid) => sum + (kibOf(pid, kind === 'PSS' ? 'Pss' : 'VmRSS') ?? 0), 0) / 1024;
  return { nodeMib: sumMib(node), postgresMib: sumMib(postgres), kind, processes: node.length + postgres.length };
}

function parentsOfAll(): Map<number, number> | null {
  try {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return new Map(pids.map((pid) => [Number(pid), parentOf(pid)]));
  } catch {
    return null;
  }
}

function parentOf(pid: string): number {
  // The name of the program stands in brackets and may hold anything.
  const stat = read(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0);
}

/** The process and all that it has started, but for another family below it. */
function familyOf(pid: number, parents: ReadonlyMap<number, number>, exceptPid: number): number[] {
  const children = [...parents].filter(([child, parent]) => parent === pid && child !== exceptPid);
  return [pid, ...children.flatMap(([child]) => familyOf(child, parents, exceptPid))];
}

function kibOf(pid: number, field: 'Pss' | 'VmRSS'): number | null {
  const text = read(`/proc/${pid}/${field === 'Pss' ? 'smaps_rollup' : 'status'}`);
  const found = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(text)?.[1];
  return found === undefined ? null : Number(found);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
