import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { judges } from '../judges/judges.ts';
import { childrenOf } from '../judges/process-state.ts';
import { figuresAgainst, type LastRun } from './last.ts';
import { optionsOf } from './options.ts';
import { parts as realParts } from './parts.ts';
import { parts } from './planted-parts.ts';
import { run } from './run.ts';

type Proved = { readonly exitCode: number; readonly said: string; readonly kept: LastRun | null };

/** Runs planted parts in processes of their own, as the real ones are. */
async function prove(
  names: readonly string[],
  more: {
    argv?: readonly string[];
    signal?: AbortSignal;
    blind?: boolean;
    silenceMsMax?: number;
    runMsMax?: number;
  } = {},
): Promise<Proved> {
  let said = '';
  let kept: LastRun | null = null;
  const exitCode = await run(more.argv ?? ['--seed', '4711'], {
    parts: names.map((name) => parts.find((part) => part.name === name) ?? { name, load: () => Promise.reject() }),
    partsFile: fileURLToPath(new URL('planted-parts.ts', import.meta.url)),
    out: (text) => {
      said += text;
    },
    keep: async (last) => {
      kept = last;
    },
    silenceMsMax: more.silenceMsMax ?? 15_000,
    runMsMax: more.runMsMax ?? 30_000,
    ...(more.signal === undefined ? {} : { untilStopped: more.signal }),
    ...(more.blind === true ? { judges: judges.map((judge) => ({ ...judge, judge: () => [] })) } : {}),
  });
  return { exitCode, said, kept };
}

test('a full run whose parts all hold says so, with its seed, and keeps its figures', async () => {
  const { exitCode, said, kept } = await prove(['good', 'also-good']);
  expect([exitCode, said]).toEqual([0, expect.stringContaining('Everything holds. Seed 4711')]);
  expect(said).toContain('good: seed 4711, full');
  expect(said).toMatch(/good +\d+ s +0 +operations 12 · faults cut 3 · faults late 4/);
  expect(kept).toMatchObject({ seed: 4711, parts: [{ name: 'good' }, { name: 'also-good', violations: 0 }] });
  expect(kept).toMatchObject({
    machine: { postgres: expect.stringMatching(/^\d+\.\d+/) },
    canaries: { 1: expect.any(Number) },
  });
  const last = kept as unknown as LastRun;
  expect(figuresAgainst(last, 1)).toEqual({ operations: 17, kills: 2, faults: 7, recoveries: 0, violations: 0 });
  expect(figuresAgainst(last, 2)).toEqual({ operations: 12, kills: 0, faults: 7, recoveries: 0, violations: 0 });
}, 40_000);

test('a run of some parts, or of a bounded piece of them, is not kept as a full one', async () => {
  const some = await prove(['good', 'also-good'], { argv: ['--only', 'also-good'] });
  expect([some.exitCode, some.kept, some.said.includes('\ngood ')]).toEqual([0, null, false]);
  const bounded = await prove(['good'], { argv: ['--scale', 'bounded', '--seed', '3'] });
  expect([bounded.exitCode, bounded.kept]).toEqual([0, null]);
  expect(bounded.said).toContain('good: seed 3, bounded');
}, 40_000);

test.each([
  ['breaks-a-promise', 'promise 2, order 7 (seed 5): was charged twice'],
  ['does-too-little', 'only 12 operations: at least 100 are needed'],
  ['has-no-floors', 'it has no floors'],
  ['has-odd-figures', 'kills is 1.5, which is no whole number'],
  ['throws', 'something went wrong here'],
  ['ends-its-process', 'its process ended with 7 and without a report'],
  ['not-there', 'the part not-there'],
])(
  'a run with a part that %s fails, says why, and keeps nothing',
  async (name, why) => {
    const { exitCode, said, kept } = await prove([name]);
    expect([exitCode, said]).toEqual([1, expect.stringContaining(why)]);
    expect(said).toContain('Again: npm run prove -- --seed 4711');
    expect(kept).toBeNull();
  },
  40_000,
);

test('a part that hangs is stopped, whether it is silent or talks for ever, and the next one runs', async () => {
  const silent = await prove(['says-nothing', 'good'], { silenceMsMax: 3_000 });
  expect(silent.exitCode).toBe(1);
  expect(silent.said).toContain('says-nothing: stopped: it has said nothing for 3 s');
  expect(silent.said).toMatch(/good +\d+ s +0/);
  const talking = await prove(['talks-for-ever'], { runMsMax: 4_000 });
  expect([talking.exitCode, talking.said]).toEqual([1, expect.stringContaining('the time of the run is over')]);
}, 60_000);

test('a process that a part leaves behind is ended, and told as a fault', async () => {
  const { exitCode, said } = await prove(['leaves-a-process']);
  expect([exitCode, said]).toEqual([1, expect.stringContaining('left a process behind: ')]);
  expect(await leftFolders()).toEqual([]);
}, 40_000);

test('a run that is stopped ends what it has started, and removes its folder', async () => {
  const stopping = new AbortController();
  const proved = prove(['talks-for-ever', 'good'], { signal: stopping.signal });
  let children: readonly { pid: number }[] = [];
  while (children.length === 0) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    children = (await childrenOf(process.pid)).filter(({ name }) => name.includes('talks-for-ever'));
  }
  stopping.abort();
  const { exitCode, said } = await proved;
  expect(exitCode).toBe(130);
  expect(said).not.toMatch(/good +\d+ s/);
  expect(await Promise.all(children.map(({ pid }) => readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)))).toEqual(
    children.map(() => null),
  );
  expect(await leftFolders()).toEqual([]);
}, 40_000);

async function leftFolders(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith(`onetill-prove-${process.pid}-`));
}

test('judges that see nothing end the run before its first part', async () => {
  const { exitCode, said } = await prove(['good'], { blind: true });
  expect([exitCode, said]).toEqual([1, expect.stringContaining('The judges are not fit to judge')]);
  expect(said).toContain('the judge of promise 1 does not see: an order that was acknowledged is not there');
  expect(said).not.toContain('good:');
});

test('a run without any part proves nothing, and says so', async () => {
  const { exitCode, said, kept } = await prove([]);
  expect([exitCode, said, kept]).toEqual([1, expect.stringContaining('nothing was proved'), null]);
});

test('options that cannot be read are named, with how they are meant', () => {
  const names = ['crash', 'races'];
  const read = (...argv: string[]) => optionsOf(argv, names);
  expect(read('--only', 'races,crash', '--seed', '7', '--scale', 'bounded')).toEqual({
    only: ['races', 'crash'],
    seed: 7,
    scale: 'bounded',
    isList: false,
  });
  expect(read('--only', 'crush')).toEqual({ misused: 'There is no part "crush".' });
  expect(read('--only', '')).toEqual({ misused: 'There is no part "".' });
  for (const argv of [['--seed', 'x'], ['--seed', '99999999999'], ['--scale', 'huge'], ['--quick'], ['crash']]) {
    expect(read(...argv)).toHaveProperty('misused');
  }
});

test('each part of the list loads, and is called what the list calls it', async () => {
  const names = await Promise.all(realParts.map(async ({ load }) => (await load()).name));
  expect(names).toEqual(realParts.map(({ name }) => name));
  expect(new Set(names).size).toBe(names.length);
});
