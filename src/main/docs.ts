import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { judges, unjudged } from '../../tests/judges/judges.ts';
import type { LastMutants } from '../../tests/mutants/last.ts';
import { knownBugs } from '../../tests/mutants/mutant.ts';
import { mutants } from '../../tests/mutants/mutants.ts';
import type { LastMatrix } from '../../tests/network/last.ts';
import { promises } from '../../tests/promises/promises.ts';
import type { LastRun } from '../../tests/prove/last.ts';
import { readArguments } from './arguments.ts';
import { configurationPage } from './docs-configuration.ts';
import { errorsPage } from './docs-errors.ts';
import { eventSchemas, eventsPage } from './docs-events.ts';
import { machinesForArchitecture, machinesPage } from './docs-machines.ts';
import { partiesPage, queuesPage } from './docs-messages.ts';
import { metricsPage } from './docs-metrics.ts';
import { mutantsPage } from './docs-mutants.ts';
import { promisesPage } from './docs-promises.ts';
import { resiliencyPage } from './docs-resiliency.ts';

/** `onetill docs`: writes every page and schema that is made from code. Gives the exit code. */
export async function run(argv: readonly string[] = []): Promise<number> {
  if (readArguments('docs', argv) === null) return 2;
  const root = process.cwd();
  const files = await generatedFiles(root);
  for (const [path, text] of files) {
    const before = await readFile(join(root, path), 'utf8').catch(() => null);
    if (before === text) continue;
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
    console.log(`${before === null ? 'made' : 'changed'}  ${path}`);
  }
  for (const path of await leftovers(root, files)) {
    await rm(join(root, path));
    console.log(`removed  ${path}`);
  }
  return 0;
}

/** What each generated file must hold, by its path from the root. */
export async function generatedFiles(root: string): Promise<ReadonlyMap<string, string>> {
  const architecture = await readFile(join(root, 'ARCHITECTURE.md'), 'utf8');
  return new Map([
    ['docs/configuration.md', configurationPage()],
    ['docs/errors.md', errorsPage()],
    ['docs/events.md', eventsPage()],
    ...eventSchemas(),
    ['docs/metrics.md', metricsPage()],
    ['docs/mutants.md', mutantsPage(mutants, knownBugs, await kept<LastMutants>(root, 'tests/mutants/last.json'))],
    ['docs/parties.md', partiesPage()],
    ['docs/promises.md', promisesPage(promises, judges, unjudged, await kept<LastRun>(root, 'tests/prove/last.json'))],
    ['docs/queues.md', queuesPage()],
    ['docs/resiliency-matrix.md', resiliencyPage(await kept<LastMatrix>(root, 'tests/network/last.json'))],
    ['docs/state-machines.md', machinesPage()],
    ['ARCHITECTURE.md', replaceGenerated(architecture, 'state-machines', machinesForArchitecture())],
  ]);
}

/** What the last full run of a kind kept, or null if none is on record. */
async function kept<Kept>(root: string, path: string): Promise<Kept | null> {
  const text = await readFile(join(root, path), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as Kept);
}

/** Schemas of events that are no more. */
export async function leftovers(root: string, files: ReadonlyMap<string, string>): Promise<string[]> {
  const names = await readdir(join(root, 'docs/events')).catch(() => []);
  return names.map((name) => `docs/events/${name}`).filter((path) => !files.has(path));
}

/** The page with the part between its markers replaced; the page as it is where the markers are missing. */
export function replaceGenerated(page: string, part: string, text: string): string {
  const begin = `<!-- generated: ${part} -->\n`;
  const end = '<!-- end of generated -->';
  const from = page.indexOf(begin);
  const to = page.indexOf(end, from);
  if (from === -1 || to === -1) return page;
  return `${page.slice(0, from + begin.length)}\n${text}\n\n${page.slice(to)}`;
}
