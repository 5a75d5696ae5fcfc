import type { LastMutants } from '../../tests/mutants/last.ts';
import type { KnownBug, Mutant } from '../../tests/mutants/mutant.ts';
import { head, table } from './docs-page.ts';

/** docs/mutants.md: the bugs that are planted, what catches each, and after how long it did in the last full run. */
export function mutantsPage(
  mutants: readonly Mutant[],
  knownBugs: Readonly<Record<KnownBug, string>>,
  last: LastMutants | null,
): string {
  const introduction = [
    'Do the tests find bugs? Bugs are planted one at a time: a text of the code is replaced while the tests load it,',
    'by a configuration that only this suite knows, so that there is no switch in the code. Each must make the test',
    'fail that is to catch it, by what that test says and not by a crash or a time-out, and without a mutant the same',
    'tests must pass.',
  ].join('\n');
  const bugs = Object.entries(knownBugs).map(([number, bug]) => [number, bug]);
  return [
    head('Mutants', madeFrom, introduction),
    '## Known bugs\n',
    'Where admired code loses orders or money:\n',
    table(['#', 'what happens'], bugs),
    '\n## What caught them\n',
    lastRun(last),
    '',
    table(
      ['bug', 'planted', 'what it would cost', 'caught by', 'after'],
      mutants.map((mutant) => rowOf(mutant, last)),
    ),
    '\nRun them with `npm run prove -- --only mutants`.',
    '',
  ].join('\n');
}

const madeFrom = '`tests/mutants/mutants.ts` and `tests/mutants/last.json`';

function rowOf(mutant: Mutant, last: LastMutants | null): (string | number)[] {
  const { name, bug, file, why, caughtBy } = mutant;
  const caught = last?.caught.find((each) => each.name === name);
  const judges = caught?.promises ?? [];
  const judged = judges.length === 0 ? '' : `: the judges of promises ${judges.join(', ')}`;
  return [
    bug,
    `[${name}](../${file})`,
    why,
    `[${caughtBy.test}](../${caughtBy.file})${judged}`,
    caught === undefined ? 'not on record' : `${(caught.afterMs / 1_000).toFixed(1)} s`,
  ];
}

function lastRun(last: LastMutants | null): string {
  if (last === null) return 'No full run is on record.';
  const { ranAt, commit, seconds, machine, caught } = last;
  return [
    `In the last full run, at ${ranAt} UTC, of commit ${commit}, all of ${caught.length} were caught: in`,
    `${Math.floor(seconds / 60)} min ${seconds % 60} s on ${machine.cores} cores, Node ${machine.node}, PostgreSQL`,
    `${machine.postgres}, two at a time. A time is from the beginning of the test to its failure.`,
  ].join('\n');
}
