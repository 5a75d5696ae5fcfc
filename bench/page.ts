import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { type Section, sectionPage } from './section.ts';

type Kept = { readonly measuredAt: string; readonly machine: readonly string[]; readonly section: Section };
type Last = Readonly<Record<string, Kept>>;

const lastFile = fileURLToPath(new URL('last.json', import.meta.url));
const pageFile = fileURLToPath(new URL('README.md', import.meta.url));

/** Keeps what was measured now, beside what was measured earlier and not now, and writes the page of all. */
export async function writeLast(sections: readonly Section[], machine: readonly string[]): Promise<void> {
  const measuredAt = new Date().toISOString().slice(0, 16).replace('T', ' ');
  const now = Object.fromEntries(sections.map((section) => [section.name, { measuredAt, machine, section }]));
  const last: Last = { ...(await readLast()), ...now };
  await writeFile(lastFile, `${JSON.stringify(last, null, 2)}\n`);
  await writeFile(pageFile, pageOf(last));
}

async function readLast(): Promise<Last> {
  const text = await readFile(lastFile, 'utf8').catch(() => '{}');
  return JSON.parse(text) as Last;
}

function pageOf(last: Last): string {
  const kept = Object.values(last);
  const parts = kept.map(({ measuredAt, machine, section }) => {
    const page = sectionPage(section).trimEnd();
    return `${page}\n\nMeasured at ${measuredAt} UTC. ${machine.join(' ')}\n`;
  });
  return [intro, ...parts].join('\n');
}

const intro = `# Figures

Written by \`npm run bench\`, which measures everything below in some minutes on a PostgreSQL of its own, in a folder
that it removes at the end. Each number has its own file here and its own command. The same figures for programs are in
[last.json](last.json).

- The server is the embedded PostgreSQL with the settings of \`npm start\`: \`fsync\`, \`full_page_writes\` and
  \`synchronous_commit\` are on, \`shared_buffers\` is 128 MB. What is committed is on disk.
- Whatever makes load runs on the same cores as what is measured. Ratios within one run carry over to other machines;
  absolute figures do not.
- After each measurement the books are checked: as many orders as were acknowledged, nothing oversold, every sum equal
  to its parts. A run that breaks one of these ends with exit code 1 and writes nothing.
- A local disk makes a commit cheap. On network storage, where a commit waits for milliseconds, rates of one order per
  transaction are lower for everybody, and more orders at once are needed to reach them.
`;
