import { describe, expect, test } from 'vitest';
import { plantedProject, readProject } from '../tidy/project.ts';
import standard from './asvs-5.0.0.json' with { type: 'json' };
import { faultsOf, faultsOfLinks } from './asvs-sheet.ts';

const path = 'docs/security/asvs.md';

test('every test and file that the pages on security name exists', () => {
  const project = readProject(process.cwd());
  const pages = project.filter((file) => file.path.startsWith('docs/security/'));
  expect(pages.map((page) => page.path)).toEqual([
    'docs/security/asvs.md',
    'docs/security/pci-scope.md',
    'docs/security/threat-model.md',
  ]);
  for (const page of pages) {
    expect(page.text.match(/\.test\.ts\)/g)?.length).toBeGreaterThan(10);
    expect([page.path, faultsOfLinks(page, project)]).toEqual([page.path, []]);
  }
});

describe('the sheet of ASVS 5.0.0', () => {
  test('every requirement of levels 1 and 2 has one row with a status and a proof that exists, or a reason', () => {
    const project = readProject(process.cwd());
    const text = project.find((file) => file.path === path)?.text ?? '';
    expect(faultsOf({ path, text }, standard.levels, project)).toEqual([]);
  });

  test('the list of requirements is as long as the standard', () => {
    const levels = Object.values(standard.levels).flat();
    const countOf = (level: number): number => levels.filter((each) => each === level).length;
    expect([countOf(1), countOf(2), countOf(3)]).toEqual([70, 183, 92]);
  });

  test('what is wrong with a sheet is found out', () => {
    const project = plantedProject({
      'tests/a.test.ts': "test('it holds under load', f);",
      'tests/tidy/rules.ts': "{ name: 'no rule is broken' }",
      'src/a.ts': '',
    });
    const levels = { '1.1': [1, 2], '1.2': [2, 3] };
    const sheet = (...lines: string[]) => ({ path, text: lines.join('\n') });
    const counts = ['| level 1 | 1 | 1 | 0 | 0 |', '| level 2 | 2 | 1 | 0 | 1 |', '| both | 3 | 2 | 0 | 1 |'];
    const good = [
      '| 1.1.1 | 1 | hold it under load | met | [it holds under load](../../tests/a.test.ts) |',
      '| 1.1.2 | 2 | break no known rule | met | [no rule is broken](../../tests/tidy/rules.ts) [a](../../src/a.ts) |',
      '| 1.2.1 | 2 | do what is missing | gap | Not done. |',
    ];
    expect(faultsOf(sheet(...counts, ...good), levels, project)).toEqual([]);
    const spoilt = (row: number, from: string, to: string) =>
      sheet(...counts, ...good.map((line, index) => (index === row ? line.replace(from, to) : line)));
    const cases: [ReturnType<typeof sheet>, string][] = [
      [sheet(...counts, ...good.slice(1)), '1.1.1 has no row'],
      [sheet(...counts, ...good, good[2] ?? ''), '1.2.1 has two rows'],
      [spoilt(2, '1.2.1', '9.9.9'), '9.9.9 is no requirement'],
      [spoilt(2, '| 2 |', '| 1 |'), '1.2.1 is of level 2'],
      [spoilt(2, 'gap', ''), '1.2.1 has no status'],
      [spoilt(2, 'gap', 'mostly'), '1.2.1 has no status'],
      [spoilt(2, 'Not done.', ''), '1.2.1 has neither a proof nor a reason'],
      [spoilt(2, 'do what is missing', 'do it'), '1.2.1 says in 2 words what it asks for'],
      [spoilt(2, 'gap', 'met'), '1.2.1 is met by nothing that is named'],
      [spoilt(0, 'it holds', 'it held'), '1.1.1 names "it held under load", which is no test of tests/a.test.ts'],
      [spoilt(0, 'a.test.ts', 'b.test.ts'), '1.1.1 links to ../../tests/b.test.ts, which is not there'],
      [spoilt(1, 'no rule', 'one rule'), '1.1.2 names "one rule is broken", which is no test of tests/tidy/rules.ts'],
      [sheet(...counts.slice(1), ...good), 'the counts must be: | level 1 | 1 | 1 | 0 | 0 |'],
    ];
    for (const [made, fault] of cases) expect(faultsOf(made, levels, project)).toContain(fault);
  });
});
