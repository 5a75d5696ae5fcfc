import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { drawPlots } from './plots.ts';
import { type Section, sectionPage } from './section.ts';

type Kept = { readonly measuredAt: string; readonly machine: readonly string[]; readonly section: Section };
type Last = Readonly<Record<string, Kept>>;

const lastFile = fileURLToPath(new URL('last.json', import.meta.url));
const pageFile = fileURLToPath(new URL('README.md', import.meta.url));

/** Keeps what was measured now beside what was measured earlier and not now; writes the page and the plots of all. */
export async function writeLast(
  sections: readonly Section[],
  machine: readonly string[],
  order: readonly string[],
): Promise<void> {
  const measuredAt = new Date().toISOString().slice(0, 16).replace('T', ' ');
  const now = Object.fromEntries(sections.map((section) => [section.name, { measuredAt, machine, section }]));
  const all: Last = { ...(await readLast()), ...now };
  const last: Last = Object.fromEntries(order.flatMap((name) => (all[name] === undefined ? [] : [[name, all[name]]])));
  await writeFile(lastFile, `${JSON.stringify(last, null, 2)}\n`);
  const plots = await drawPlots(new URL('.', import.meta.url), (name) => last[name]?.section.figures ?? null);
  await writeFile(pageFile, pageOf(last, plots));
}

async function readLast(): Promise<Last> {
  const text = await readFile(lastFile, 'utf8').catch(() => '{}');
  return JSON.parse(text) as Last;
}

function pageOf(last: Last, plots: ReadonlyMap<string, string>): string {
  const kept = Object.values(last);
  const parts = kept.map(({ measuredAt, machine, section }) => {
    const page = sectionPage(section).trimEnd();
    const plot = plots.get(section.name);
    return `${page}\n${plot === undefined ? '' : `\n${plot}\n`}\nMeasured at ${measuredAt} UTC. ${machine.join(' ')}\n`;
  });
  return [intro, ...parts].join('\n');
}

const intro = `# Figures

Written by \`npm run bench\`, which measures everything below in some minutes on a PostgreSQL of its own, in a folder
that it removes at the end. Each number has its own file here and its own command. The same figures for programs are in
[last.json](last.json).

- The server is the embedded PostgreSQL with the settings of \`npm start\`: \`fsync\`, \`full_page_writes\` and
  \`synchronous_commit\` are on, \`shared_buffers\` is 128 MB. What is committed is on disk. It takes more connections
  (400), because by hand there is one for each client.
- What was wanted beforehand stands beside what was had. A part that misses it is shown as it is.
- Whatever makes load runs on the same cores as what is measured. Ratios within one run carry over to other machines;
  absolute figures do not.
- After each measurement the books are checked: as many orders as were acknowledged, nothing oversold, every sum equal
  to its parts. A run that breaks one of these ends with exit code 1 and writes nothing.
- A local disk makes a commit cheap. On network storage, where a commit waits for milliseconds, rates of one order per
  transaction are lower for everybody, and more orders at once are needed to reach them.
`;
