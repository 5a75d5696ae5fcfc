import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generatedFiles } from '../../src/main/docs.ts';
import { silentLogger } from '../../src/shared/log.ts';
import { startEmbeddedPostgres } from '../../src/shared/postgres/embedded.ts';
import { isCannotStart } from '../../src/shared/postgres/embedded-fault.ts';
import { testFolderPrefix } from '../harness/test-folder.ts';
import { randomFrom } from '../harness/world.ts';
import { commitOf, machineOf } from '../prove/ground.ts';
import type { Part, PartReport } from '../prove/part.ts';
import { type Campaign, campaign, faultsOf } from './campaign.ts';
import { caughtOf, type LastMutants } from './last.ts';
import type { Mutant } from './mutant.ts';
import { mutants } from './mutants.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/** Of a bounded run: the cheap ones are tried at every change, all of them in the full run. */
const boundedMutants = 4;

/** Known bugs, and bugs of our own, planted one at a time: a suite that passes all the same proves nothing. */
export const mutantsPart: Part = {
  name: 'mutants',
  tries: 'known and invented bugs, planted one at a time into the code that the tests load: each must be caught',
  async run({ scale, seed, progress }) {
    const chosen = scale === 'full' ? mutants : someOf(seed, boundedMutants);
    const startedAtMs = Date.now();
    const commit = await commitOf();
    const ran = await onServer((postgresUrl) => campaign(chosen, { postgresUrl, onProgress: progress }));
    if (scale === 'full' && faultsOf(ran).length === 0) await keep(ran, commit, startedAtMs);
    return { ...reportOf(ran, chosen.length), seed };
  },
};

/** Some mutants whose tests are no runs under the judges, chosen by the seed. */
export function someOf(seed: number, count: number): readonly Mutant[] {
  const random = randomFrom(seed);
  const quick = mutants.filter(({ caughtBy }) => caughtBy.judges === undefined);
  const drawn = quick.map((mutant) => ({ mutant, at: random() })).sort((a, b) => a.at - b.at);
  return drawn.slice(0, count).map(({ mutant }) => mutant);
}

function reportOf(ran: Campaign, count: number): Omit<PartReport, 'seed'> {
  const caught = ran.tried.filter(({ verdict }) => verdict.verdict === 'caught').length;
  const known = new Set(ran.tried.flatMap(({ mutant }) => (mutant.bug === 'own' ? [] : [mutant.bug]))).size;
  return {
    figures: { mutants: count, caught, 'of known bugs': known },
    floors: [{ figure: 'caught', least: count, had: caught }],
    // No promise of the product is broken by a suite that is blind, but each may be broken behind it.
    violations: faultsOf(ran).map((says) => ({ promise: 0, subject: 'a mutant', says, where: 'mutants' })),
    judged: [],
  };
}

/** One server for all runs; each test has a database of its own. */
async function onServer<T>(work: (postgresUrl: string) => Promise<T>): Promise<T> {
  const dataDir = await mkdtemp(join(tmpdir(), `${testFolderPrefix}${process.pid}-`));
  try {
    const server = await startEmbeddedPostgres({ dataDir, durable: false, log: silentLogger });
    if (isCannotStart(server)) throw new Error(`${server.message} ${server.next}`);
    try {
      return await work(server.url);
    } finally {
      await server.stop({ immediately: true });
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  }
}

/** The table for programs, and the page that shows it. */
async function keep(ran: Campaign, commit: string, startedAtMs: number): Promise<void> {
  const last: LastMutants = {
    ranAt: new Date(startedAtMs).toISOString().slice(0, 16).replace('T', ' '),
    commit,
    seconds: Math.round((Date.now() - startedAtMs) / 1_000),
    machine: await machineOf(),
    caught: caughtOf(ran.tried),
  };
  await writeFile(join(root, 'tests/mutants/last.json'), `${JSON.stringify(last, null, 2)}\n`);
  const page = (await generatedFiles(root)).get('docs/mutants.md');
  if (page !== undefined) await writeFile(join(root, 'docs/mutants.md'), page);
}
