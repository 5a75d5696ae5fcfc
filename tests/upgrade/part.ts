import { rm } from 'node:fs/promises';
import { startDurableServer } from '../harness/durable-server.ts';
import { judgedUnplanted } from '../judges/judges.ts';
import type { Part, PartReport } from '../prove/part.ts';
import { finishFrozen, judgedPromises, readFrozen, type Thawed } from './frozen.ts';
import { extractRelease, hasWholeHistory } from './old-code.ts';
import { frozenReleases, previousRelease } from './releases.ts';
import { type Meeting, rollOut } from './rolling.ts';

/** Work of an older release finishes under this one, and the processes of both live on one database. */
export const upgradePart: Part = {
  name: 'upgrade',
  tries: 'to finish what older releases left half done, and to run the release before and this one side by side',
  async run({ scale, seed, progress }) {
    const server = await startDurableServer();
    try {
      const all: Thawed[] = [];
      for (const { release } of frozenReleases) {
        progress(`what release ${release} left`);
        const url = await server.createDatabase();
        all.push(await finishFrozen(await readFrozen(release), { url, where: release, onProgress: progress }));
      }
      const buyers = scale === 'full' ? 150 : 24;
      const meetings: readonly Meeting[] = scale === 'full' ? ['new schema', 'old schema'] : ['new schema'];
      const rolled = await rollAll({ meetings, buyers, seed, server, progress });
      return { ...reportOf(all, rolled, meetings.length * Math.floor(buyers / 3)), seed };
    } finally {
      await server.stop();
    }
  },
};

type Rolling = {
  readonly meetings: readonly Meeting[];
  readonly buyers: number;
  readonly seed: number;
  readonly server: Awaited<ReturnType<typeof startDurableServer>>;
  readonly progress: (line: string) => void;
};

/** Null where the clone is shallow: then there is no code of the release before to run. */
async function rollAll({ meetings, buyers, seed, server, progress }: Rolling): Promise<Thawed[] | null> {
  const oldTree = await extractRelease(previousRelease.commit);
  if (oldTree === null) {
    if (await hasWholeHistory()) throw new Error(`${previousRelease.commit} is not in the history of this clone`);
    progress(`left out: this clone is shallow, so ${previousRelease.commit} cannot be run`);
    return null;
  }
  try {
    const all: Thawed[] = [];
    for (const meeting of meetings) {
      const databaseUrl = await server.createDatabase();
      all.push(await rollOut({ databaseUrl, meeting, oldTree, buyers, seed, onProgress: progress }));
    }
    return all;
  } finally {
    await rm(oldTree, { recursive: true, force: true });
  }
}

function reportOf(
  frozen: readonly Thawed[],
  rolled: readonly Thawed[] | null,
  least: number,
): Omit<PartReport, 'seed'> {
  const sum = (all: readonly Thawed[], name: string) =>
    all.reduce((total, { figures }) => total + (figures[name] ?? 0), 0);
  const figures = {
    'frozen orders': sum(frozen, 'frozen orders'),
    'frozen messages': sum(frozen, 'frozen messages'),
    'frozen dead letters': sum(frozen, 'frozen dead letters'),
    'releases side by side': rolled === null ? 0 : 2,
    operations: sum(rolled ?? [], 'operations'),
    confirmed: sum(rolled ?? [], 'confirmed'),
    cancelled: sum(rolled ?? [], 'cancelled'),
  };
  const floor = (figure: keyof typeof figures, atLeast: number) => ({ figure, least: atLeast, had: figures[figure] });
  return {
    figures,
    floors: [
      floor('frozen orders', 12),
      floor('frozen messages', 12),
      ...(rolled === null ? [] : [floor('confirmed', least), floor('cancelled', 1)]),
    ],
    judged: rolled === null ? judgedPromises : judgedUnplanted,
    violations: [...frozen, ...(rolled ?? [])].flatMap(({ violations }) => violations),
  };
}
