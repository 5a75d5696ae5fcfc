import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { judges, unjudged } from '../../tests/judges/judges.ts';
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
    ['docs/parties.md', partiesPage()],
    ['docs/promises.md', promisesPage(promises, judges, unjudged, await lastOf<LastRun>(root, 'prove'))],
    ['docs/queues.md', queuesPage()],
    ['docs/resiliency-matrix.md', resiliencyPage(await lastOf<LastMatrix>(root, 'network'))],
    ['docs/state-machines.md', machinesPage()],
    ['ARCHITECTURE.md', replaceGenerated(architecture, 'state-machines', machinesForArchitecture())],
  ]);
}

/** The last full run of `npm run prove`, or of a part that keeps its own; null if none is on record. */
async function lastOf<Last>(root: string, folder: 'prove' | 'network'): Promise<Last | null> {
  const text = await readFile(join(root, `tests/${folder}/last.json`), 'utf8').catch(() => null);
  return text === null ? null : (JSON.parse(text) as Last);
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
