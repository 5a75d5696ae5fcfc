import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generatedFiles } from '../../src/main/docs.ts';
import { canaries, faultsOfJudges } from '../judges/canaries.ts';
import { judges as allJudges } from '../judges/judges.ts';
import { commitOf, machineOf } from './ground.ts';
import { type LastRun, lastPart } from './last.ts';
import { closeRunFolder, openRunFolder } from './leftovers.ts';
import { optionsOf, type ProveOptions, usageOf } from './options.ts';
import { parts as allParts, type PartEntry } from './parts.ts';
import { faultsOfRun, type PartRun, tableOf } from './report.ts';
import { runPart } from './watch-part.ts';

/** What a run stands on; a test of it has other parts, and keeps its records elsewhere. */
export type Around = {
  readonly parts: readonly PartEntry[];
  readonly partsFile: string;
  readonly judges: typeof allJudges;
  readonly out: (text: string) => void;
  readonly silenceMsMax: number;
  readonly runMsMax: number;
  /** Keeps the record of a full run that passed. */
  readonly keep: (last: LastRun) => Promise<void>;
  readonly untilStopped: AbortSignal;
};

const root = fileURLToPath(new URL('../..', import.meta.url));
const around: Omit<Around, 'untilStopped'> = {
  parts: allParts,
  partsFile: fileURLToPath(new URL('parts.ts', import.meta.url)),
  judges: allJudges,
  out: (text) => void process.stdout.write(text),
  silenceMsMax: 120_000,
  runMsMax: 25 * 60_000,
  keep,
};

/** `npm run prove`: 0 when everything holds, 1 when anything does not, 2 when misused, 130 when stopped. */
export async function run(argv: readonly string[], other: Partial<Around> = {}): Promise<number> {
  const stopping = new AbortController();
  const stop = (): void => stopping.abort();
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.once(signal, stop);
  try {
    return await prove(argv, { untilStopped: stopping.signal, ...around, ...other });
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}

async function prove(argv: readonly string[], on: Around): Promise<number> {
  const names = on.parts.map(({ name }) => name);
  if (argv.includes('--help')) return say(on, usageOf(names), 0);
  const options = optionsOf(argv, names);
  if ('misused' in options) return say(on, `${options.misused}\n\n${usageOf(names)}`, 2);
  if (options.isList) return await list(on);
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
  const commit = await commitOf();
  on.out(`Seed ${seed}, commit ${commit}. Again: ${commandOf(options, seed)}\n`);
  // Judges that see nothing would find nothing in the whole run.
  const blind = faultsOfJudges(on.judges);
  if (blind.length > 0) return say(on, `The judges are not fit to judge:\n${blind.join('\n')}\n`, 1);
  on.out(`${on.judges.length} judges found all of the ${canaries.length} violations that are planted for them.\n`);
  const entries = on.parts.filter(({ name }) => options.only.length === 0 || options.only.includes(name));
  if (entries.length === 0) return say(on, 'There are no parts, so nothing was proved.\n', 1);
  const startedAtMs = Date.now();
  const runs = await runParts(on, entries, options, seed);
  if (on.untilStopped.aborted) return say(on, `\n${tableOf(runs)}\nStopped.\n`, 130);
  const faults = runs.flatMap(faultsOfRun);
  on.out(`\n${tableOf(runs)}\n`);
  if (faults.length > 0) {
    return say(
      on,
      `\nNot everything holds (${faults.length}). Commit ${commit}. Again: ${commandOf(options, seed)}\n`,
      1,
    );
  }
  if (options.scale === 'full' && options.only.length === 0) {
    await on.keep(await record(runs, seed, commit, startedAtMs));
  }
  return say(on, `\nEverything holds. Seed ${seed}, commit ${commit}.\n`, 0);
}

function commandOf({ only, scale }: ProveOptions, seed: number): string {
  const names = only.length === 0 ? '' : `--only ${only.join(',')} `;
  return `npm run prove -- ${names}--seed ${seed}${scale === 'full' ? '' : ` --scale ${scale}`}`;
}

function say(on: Around, text: string, exitCode: number): number {
  on.out(text);
  return exitCode;
}

async function list(on: Around): Promise<number> {
  for (const { name, load } of on.parts) on.out(`${name}: ${(await load()).tries}\n`);
  return 0;
}

/** In the order of the list, one after the other: they share two cores, and what one measures another would disturb. */
async function runParts(
  on: Around,
  entries: readonly PartEntry[],
  { scale }: ProveOptions,
  seed: number,
): Promise<PartRun[]> {
  const startedAtMs = Date.now();
  const folder = await openRunFolder();
  const runs: PartRun[] = [];
  try {
    for (const { name } of entries) {
      if (on.untilStopped.aborted) break;
      const voice = speakFor(on, name, startedAtMs);
      const task = { partsFile: on.partsFile, name, seed, scale };
      const limits = { silenceMsMax: on.silenceMsMax, endsByMs: startedAtMs + on.runMsMax };
      const ended = await runPart({ task, folder, ...limits, onLine: voice.hear, signal: on.untilStopped });
      voice.end(`${faultsOfRun(ended).length === 0 ? 'holds' : 'does NOT hold'}, after ${ended.seconds} s`);
      runs.push(ended);
    }
  } finally {
    await closeRunFolder(folder);
  }
  return runs;
}

/** At most a line a second, and at least one in five. */
const lineMsMin = 1_000;
const lineMsMax = 5_000;

/** Prints what a part says, not too much of it, and says so when it says nothing. */
function speakFor(
  on: Around,
  name: string,
  startedAtMs: number,
): { hear(line: string): void; end(line: string): void } {
  let last = 'beginning';
  let isFirst = true;
  let saidAtMs = 0;
  let heardAtMs = Date.now();
  const speak = (line: string): void => {
    saidAtMs = Date.now();
    const seconds = Math.floor((saidAtMs - startedAtMs) / 1_000);
    const clock = `${String(Math.floor(seconds / 60)).padStart(2, '0')}:${String(seconds % 60).padStart(2, '0')}`;
    on.out(`${clock}  ${name}: ${line}\n`);
  };
  const silence = setInterval(() => {
    if (Date.now() - saidAtMs < lineMsMax) return;
    const seconds = Math.round((Date.now() - heardAtMs) / 1_000);
    speak(seconds < 2 ? last : `${last} (for ${seconds} s)`);
  }, lineMsMin / 2);
  speak(last);
  return {
    hear(line) {
      last = line;
      heardAtMs = Date.now();
      if (isFirst || heardAtMs - saidAtMs >= lineMsMin) speak(line);
      isFirst = false;
    },
    end(line) {
      clearInterval(silence);
      speak(line);
    },
  };
}

async function record(runs: readonly PartRun[], seed: number, commit: string, startedAtMs: number): Promise<LastRun> {
  const planted = allJudges.map(({ promise }) => {
    return [promise, canaries.filter((canary) => canary.promise === promise).length] as const;
  });
  return {
    ranAt: new Date(startedAtMs).toISOString().slice(0, 16).replace('T', ' '),
    commit,
    seed,
    seconds: Math.round((Date.now() - startedAtMs) / 1_000),
    machine: await machineOf(),
    canaries: Object.fromEntries(planted),
    parts: runs.map(lastPart),
  };
}

/** The figures for programs, and the page that shows them. */
async function keep(last: LastRun): Promise<void> {
  await writeFile(join(root, 'tests/prove/last.json'), `${JSON.stringify(last, null, 2)}\n`);
  const page = (await generatedFiles(root)).get('docs/promises.md');
  if (page !== undefined) await writeFile(join(root, 'docs/promises.md'), page);
}
