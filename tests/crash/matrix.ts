import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sleep, stopwatch } from '../../src/shared/clock.ts';
import { openProcesses } from '../harness/processes.ts';
import type { Part, PartReport, ProveContext } from '../prove/part.ts';
import { journeys } from './journeys/all.ts';
import type { Ground } from './lane.ts';
import { type Lanes, openLanes } from './lanes.ts';
import { allCases, type Case, chosen, type Recording, showCase } from './plan.ts';
import { recordedFrom, reportOf } from './report.ts';
import { type Done, runCases } from './runs.ts';
import { startServer } from './server.ts';

const scales = {
  // Most of a case is waiting, for a lease to expire or for a process to be replaced.
  full: { recordings: 3, casesMax: Number.POSITIVE_INFINITY, lanes: 6 },
  bounded: { recordings: 2, casesMax: 40, lanes: 4 },
} as const;

/** What is recorded is what happens when nothing is in a hurry. */
const lanesWhileRecording = 2;

/**
 * Every journey, with every process kind killed before and after each of its calls: everything is started again, comes
 * to rest and is judged. `only` takes the cases whose name holds the words, all of them: to try again what failed.
 */
export function crashMatrixOf(options: { readonly only?: string } = {}): Part {
  return {
    name: 'crash',
    tries: 'kills each process of the shop before and after every call it makes, in everything that a buyer can meet',
    async run(context) {
      const entry = fileURLToPath(new URL('process.ts', import.meta.url));
      const teller = newTeller(context.progress);
      const opening = [startServer(), openProcesses({ entry, spares: scales[context.scale].lanes })] as const;
      try {
        const [server, processes] = await Promise.all(opening);
        return await runMatrix(context, teller, { processes, server }, options.only);
      } finally {
        const [server, processes] = await Promise.allSettled(opening);
        if (processes.status === 'fulfilled') await processes.value.stop();
        if (server.status === 'fulfilled') await server.value.stop();
        teller.stop();
      }
    },
  };
}

export const crashMatrix: Part = crashMatrixOf();

async function runMatrix(
  { scale, seed }: ProveContext,
  teller: Teller,
  ground: Ground,
  only: string | undefined,
): Promise<PartReport> {
  const { recordings, casesMax, lanes: atOnce } = scales[scale];
  const lanes = openLanes(ground);
  try {
    const named = journeys.filter(({ name }) => only?.startsWith(`${name}:`));
    const undisturbed = (named.length > 0 ? named : journeys).flatMap((journey) =>
      Array.from({ length: recordings }, (): Case => ({ journey, point: null, deaths: 0 })),
    );
    const [idle, first] = await Promise.all([
      recordIdle(lanes),
      runCases(lanes, undisturbed, lanesWhileRecording, teller.counting('undisturbed', undisturbed)),
    ]);
    const recorded = recordedFrom(first);
    const all = allCases(idle, recorded);
    const cases = chosen(all, { only, casesMax, seed });
    const done = await runCases(lanes, cases, atOnce, teller.counting('killed', cases));
    const started = ground.processes.started();
    return reportOf({ seed, points: all.length, recorded, done, started, isWhole: only === undefined });
  } finally {
    await lanes.close();
  }
}

/** What is asked of the database while nobody buys anything. */
async function recordIdle(lanes: Lanes): Promise<Recording> {
  const { tallies } = await lanes.use(async (lane) => {
    await lane.arm({ point: null, deaths: 0, attemptsMax: null });
    await sleep(idleMs);
    return { tallies: await lane.tallies(), result: { violations: [] } };
  });
  return tallies;
}

/** Longer than the longest of all waits between two questions: half a second of a worker that hears nothing. */
const idleMs = 1_500;

type Teller = ReturnType<typeof newTeller>;

/** A line every few seconds, and one for each case that failed. */
function newTeller(tell: (line: string) => void) {
  const everyMs = 3_000;
  let now = (): string => 'starting the shops';
  const timer = setInterval(() => tell(now()), everyMs);
  timer.unref();
  return {
    counting(what: string, cases: readonly Case[]) {
      const elapsedMs = stopwatch();
      let count = 0;
      now = () => `${count} of ${cases.length} journeys ${what}, ${Math.round(elapsedMs() / 1_000)} s`;
      return async (done: Done): Promise<void> => {
        count += 1;
        if (done.result.violations.length === 0) return;
        tell(`failed: ${showCase(done.case)} (its log: ${await keepLog(done)})`);
      };
    },
    stop: () => clearInterval(timer),
  };
}

async function keepLog({ case: one, result }: Done): Promise<string> {
  const folder = await mkdtemp(join(process.env.ONETILL_STUCK_DIR ?? tmpdir(), 'onetill-crash-case-'));
  const file = join(folder, 'case.txt');
  const told = result.violations.map(({ promise, subject, says }) => `promise ${promise}, ${subject}: ${says}`);
  await writeFile(file, [showCase(one), ...told, '', result.log].join('\n'));
  return file;
}
