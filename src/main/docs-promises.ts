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

/** docs/promises.md: what holds, and by what it is held. */
export function promisesPage(entries: readonly PromiseEntry[]): string {
  const introduction = [
    'What Onetill promises. Each promise is held twice, by a constraint in SQL and by an assertion in code, and',
    'is tried by tests that are named after it. A promise that lacks one of the three fails',
    '`tests/promises/promises.test.ts`. The numbers are stable; those that are missing are promises of rooms that',
    'are not built yet.',
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
    head('Promises', '`tests/promises/promises.ts`', introduction),
    table(['#', 'promise', 'constraint in SQL', 'assertion in code'], rows),
    '\n## The tests that try to break them\n',
    'Run them with `npx vitest run tests/promises`.\n',
    tests.join('\n\n'),
    '',
  ].join('\n');
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
