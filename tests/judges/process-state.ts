import { readdir, readFile, readlink, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';

export type NamedProcess = { readonly name: string; readonly pid: number };

/**
 * The options under which a Node process tells, on SIGUSR2, what it waits for: its stack, and each handle that keeps it
 * alive (sockets with both their ends, timers). For NODE_OPTIONS of what a part starts; children inherit them.
 */
export function reportOptions(folder: string): string {
  return `--report-on-signal --report-signal=SIGUSR2 --report-directory="${folder}"`;
}

/** All processes that the process has started, and those that they have started, that are alive. Linux only. */
export async function childrenOf(pid: number): Promise<NamedProcess[]> {
  const names = await readdir('/proc').catch(() => []);
  const all = await Promise.all(
    names
      .filter((name) => /^\d+$/.test(name))
      .map(async (name) => ({ pid: Number(name), parent: await parentOf(name) })),
  );
  const found = new Set([pid]);
  // A Set's iterator also visits what is added while it runs.
  for (const each of found) for (const other of all) if (other.parent === each) found.add(other.pid);
  found.delete(pid);
  return await Promise.all([...found].map(async (child) => ({ pid: child, name: await commandOf(child) })));
}

async function parentOf(pid: string): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const parent = /^PPid:\s*(\d+)/m.exec(status)?.[1];
  return parent === undefined ? null : Number(parent);
}

async function commandOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return text.replaceAll('\0', ' ').trim();
}

/** What is known of a process: what the system says, and of a Node process that listens, what it waits for. */
export async function stateOf(pid: number): Promise<Record<string, unknown>> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => 'this system shows no processes');
  const waits = await readFile(`/proc/${pid}/wchan`, 'utf8').catch(() => '');
  const command = await commandOf(pid);
  const known = { command, state: /^State:.*$/m.exec(status)?.[0] ?? status, waitsInKernelFor: waits };
  return { ...known, report: pid === process.pid ? ownReport() : await askForReport(pid) };
}

function ownReport(): unknown {
  return withoutSecrets(process.report.getReport() as Report);
}

type Report = Readonly<Record<string, unknown>>;

/** Nobody reads those parts for a stuck process, and the environment may hold keys. */
function withoutSecrets({ environmentVariables: _, sharedObjects: __, userLimits: ___, ...rest }: Report): Report {
  return rest;
}

const answerWaitMs = 3_000;

async function askForReport(pid: number): Promise<unknown> {
  const folder = await reportFolderOf(pid);
  if (folder === null) return 'it does not tell what it waits for: it runs without --report-on-signal';
  const before = new Set(await readdir(folder).catch(() => []));
  try {
    process.kill(pid, 'SIGUSR2');
  } catch {
    return 'it has ended meanwhile';
  }
  const deadline = Date.now() + answerWaitMs;
  while (Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    const names = await readdir(folder).catch(() => []);
    const name = names.find((each) => !before.has(each) && each.includes(`.${pid}.`));
    const report = name === undefined ? null : await readReport(join(folder, name));
    if (report !== null) return report;
  }
  return `it does not answer within ${answerWaitMs} ms: it is stopped, or busy in one stretch of code`;
}

/** The report once it is written to its end; the file goes. */
async function readReport(path: string): Promise<Report | null> {
  try {
    const report = JSON.parse(await readFile(path, 'utf8')) as Report;
    await rm(path, { force: true });
    return withoutSecrets(report);
  } catch {
    return null;
  }
}

/** Where a Node process writes its reports; null of one that a signal would end. */
async function reportFolderOf(pid: number): Promise<string | null> {
  const program = await readlink(`/proc/${pid}/exe`).catch(() => '');
  if (!basename(program).startsWith('node')) return null;
  const environment = await readFile(`/proc/${pid}/environ`, 'utf8').catch(() => '');
  const options = environment.split('\0').find((each) => each.startsWith('NODE_OPTIONS=')) ?? '';
  const said = `${options} ${await commandOf(pid)}`;
  if (!said.includes('--report-on-signal')) return null;
  const folder = /--report-directory="?([^"]+?)"?(?:\s|$)/.exec(said)?.[1];
  return folder ?? (await readlink(`/proc/${pid}/cwd`).catch(() => null));
}
