import { figuresAgainst, type LastRun } from '../../tests/prove/last.ts';
import { head, table } from './docs-page.ts';

/** A promise with the three things that hold it. The table is tests/promises/promises.ts. */
export type PromiseEntry = {
  readonly number: number;
  readonly promise: string;
  /** Names of constraints, triggers and unique indexes of the schema; `none` says why SQL cannot hold it. */
  readonly constraints: readonly string[] | { readonly none: string };
  /** Where the code asserts it again. */
  readonly assertions: readonly { readonly file: string; readonly symbol: string }[];
  readonly tests: readonly { readonly file: string; readonly name: string }[];
};

/** The judge of a promise, as the page names it. */
export type JudgeEntry = { readonly promise: number; readonly file: string; readonly compares: string };

/** What is not judged yet, and by which room it will come. */
export type UnjudgedEntry = { readonly promise: number; readonly room: string };

/** docs/promises.md: what holds, by what it is held, who judges it, and what the last full run has tried against it. */
export function promisesPage(
  entries: readonly PromiseEntry[],
  judges: readonly JudgeEntry[],
  unjudged: readonly UnjudgedEntry[],
  last: LastRun | null,
): string {
  const introduction = [
    'What Onetill promises. Each promise is held twice, by a constraint in SQL and by an assertion in code, is',
    'tried by tests that are named after it, and is judged from outside, by what clients were told and what the',
    'other side has in its books. A promise that lacks one of these fails `tests/promises/promises.test.ts` or',
    '`tests/judges/canaries.test.ts`. The numbers are stable; those that are missing are promises of rooms that',
    'are not built yet:',
    `${unjudged.map(({ promise, room }) => `${promise} (${room})`).join(', ')}.`,
  ].join('\n');
  const rows = entries.map(({ number, promise, constraints, assertions }) => [
    number,
    promise,
    'none' in constraints ? constraints.none : constraints.map((name) => `\`${name}\``).join(', '),
    assertions.map(({ file, symbol }) => `[\`${symbol}\`](../${file})`).join(', '),
  ]);
  const tests = entries.map(({ number, promise, tests: of }) =>
    [`### ${number}. ${promise}\n`, ...of.map(({ file, name }) => `- ${name} ([${fileName(file)}](../${file}))`)].join(
      '\n',
    ),
  );
  return [
    head('Promises', madeFrom, introduction),
    table(['#', 'promise', 'constraint in SQL', 'assertion in code'], rows),
    '\n## The judges, and the last run\n',
    judgesSection(judges, last),
    '\n## The tests that try to break them\n',
    'Run them all with `npx vitest run`, or one file of them with its name behind it.\n',
    tests.join('\n\n'),
    '',
  ].join('\n');
}

const madeFrom = '`tests/promises/promises.ts`, the judges in `tests/judges` and `tests/prove/last.json`';

const judgesIntroduction = [
  '`npm run prove` tries to break all of them at once: it kills processes and the database, cuts calls, lets the',
  'provider fail in every way that it knows, and races clients against each other. Then judges, which know',
  'nothing of how the run was made, hold what clients were told, our tables and the books of the provider against',
  'each other ([why they are apart](decisions/0016-judges-apart-from-generators.md)). Before the run each judge',
  'must find what is planted for it.',
].join('\n');

function judgesSection(judges: readonly JudgeEntry[], last: LastRun | null): string {
  const judgeOf = ({ file, compares }: JudgeEntry): string => `[holds](../${file}) ${compares}`;
  if (last === null) {
    const rows = judges.map((judge) => [judge.promise, judgeOf(judge)]);
    return [judgesIntroduction, '', table(['#', 'the judge'], rows), '', 'No full run is on record.'].join('\n');
  }
  const rows = judges.map((judge) => {
    const { operations, kills, faults, violations } = figuresAgainst(last, judge.promise);
    const planted = last.canaries[judge.promise] ?? 0;
    return [judge.promise, judgeOf(judge), planted, ...[operations, kills, faults, violations].map(grouped)];
  });
  const titles = ['#', 'the judge', 'planted, found', 'operations', 'kills', 'faults', 'violations'];
  return [judgesIntroduction, '', table(titles, rows), '', lastRun(last)].join('\n');
}

function lastRun({ ranAt, commit, seed, seconds, machine, parts }: LastRun): string {
  const { cores, node, postgres } = machine;
  const minutes = Math.floor(seconds / 60);
  const rows = parts.map((part) => {
    const figures = Object.entries(part.figures).map(([name, figure]) => `${name} ${grouped(figure)}`);
    return [part.name, part.tries, `${part.seconds} s`, figures.join(' · ')];
  });
  return [
    `The last full run was at ${ranAt} UTC, of commit ${commit}, with seed ${seed}: ${minutes} min ${seconds % 60} s`,
    `on ${cores} cores, Node ${node}, PostgreSQL ${postgres}. \`npm run prove -- --seed ${seed}\` makes its choices`,
    'again.',
    '',
    table(['part', 'what it tries', 'time', 'figures'], rows),
  ].join('\n');
}

/** `1234567` as `1,234,567`. */
function grouped(figure: number): string {
  return String(figure).replace(/\B(?=(\d{3})+$)/g, ',');
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
