import { dirname, join } from 'node:path/posix';
import type { Project } from '../tidy/project.ts';
import { testNamesOf } from '../tidy/rules-for-tests.ts';

/** The level of each requirement, by section and in order; facts of the standard and none of its text. */
export type Levels = Readonly<Record<string, readonly number[]>>;

type Row = { readonly id: string; readonly level: number; readonly asks: string; readonly status: string } & {
  readonly evidence: string;
};

const statuses = ['met', 'not applicable', 'gap'] as const;
const rowForm = /^\| (\d+\.\d+\.\d+) \| (\d) \| ([^|]*) \| ([^|]*) \| (.*) \|$/gm;

/** What is wrong with the sheet: requirements without a row, rows without a status or a proof, counts that differ. */
export function faultsOf(sheet: { readonly path: string; readonly text: string }, levels: Levels, project: Project) {
  const rows = [...sheet.text.matchAll(rowForm)].map(
    ([, id = '', level = '', asks = '', status = '', evidence = '']) => ({
      id,
      level: Number(level),
      asks: asks.trim(),
      status: status.trim(),
      evidence: evidence.trim(),
    }),
  );
  const levelOf = new Map(
    Object.entries(levels).flatMap(([section, all]) => all.map((level, index) => [`${section}.${index + 1}`, level])),
  );
  const wanted = [...levelOf].filter(([, level]) => level < 3).map(([id]) => id);
  return [
    ...wanted.filter((id) => !rows.some((row) => row.id === id)).map((id) => `${id} has no row`),
    ...rows
      .filter((row, index) => rows.findIndex(({ id }) => id === row.id) !== index)
      .map(({ id }) => `${id} has two rows`),
    ...rows.flatMap((row) => faultsOfRow(row, levelOf.get(row.id))),
    ...rows.flatMap(({ id, evidence }) =>
      faultsOfLinks({ path: sheet.path, text: evidence }, project).map((fault) => `${id} ${fault}`),
    ),
    ...faultsOfCounts(sheet.text, rows),
  ];
}

function faultsOfRow({ id, level, asks, status, evidence }: Row, known: number | undefined): string[] {
  const words = asks.split(/\s+/).length;
  return [
    ...(known === undefined ? [`${id} is no requirement`] : []),
    ...(known !== undefined && known !== level ? [`${id} is of level ${known}`] : []),
    ...((statuses as readonly string[]).includes(status) ? [] : [`${id} has no status`]),
    ...(words < 3 || words > 10 ? [`${id} says in ${words} words what it asks for`] : []),
    ...(evidence === '' ? [`${id} has neither a proof nor a reason`] : []),
    ...(status === 'met' && !evidence.includes('](') ? [`${id} is met by nothing that is named`] : []),
  ];
}

/** A link to a file of tests is named after a test in it, or after a house rule; other links need a target only. */
export function faultsOfLinks(page: { readonly path: string; readonly text: string }, project: Project): string[] {
  return [...page.text.matchAll(/\[([^\]]+)\]\(([^)]+)\)/g)].flatMap(([, name = '', link = '']) => {
    if (/^[a-z]+:/.test(link)) return [];
    const path = join(dirname(page.path), link);
    const file = project.find((each) => each.path === path);
    if (file === undefined) return [`links to ${link}, which is not there`];
    if (!path.startsWith('tests/') && !path.endsWith('.test.ts')) return [];
    const isTest = testNamesOf([file]).some((test) => test.name === name);
    const isRule = path.startsWith('tests/tidy/') && file.text.includes(`name: '${name}'`);
    return isTest || isRule ? [] : [`names "${name}", which is no test of ${path}`];
  });
}

function faultsOfCounts(text: string, rows: readonly Row[]): string[] {
  return (
    [
      ['level 1', [1]],
      ['level 2', [2]],
      ['both', [1, 2]],
    ] as const
  ).flatMap(([name, of]) => {
    const counted = rows.filter(({ level }) => (of as readonly number[]).includes(level));
    const counts = statuses.map((status) => counted.filter((row) => row.status === status).length);
    const line = `| ${[name, counted.length, ...counts].join(' | ')} |`;
    return text.split('\n').includes(line) ? [] : [`the counts must be: ${line}`];
  });
}
