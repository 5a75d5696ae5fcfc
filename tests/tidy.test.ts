import { describe, expect, test } from 'vitest';
import { type Finding, plantedProject, type Rule, readProject } from './tidy/project.ts';
import { rulesForCalls } from './tidy/rules-for-calls.ts';
import { rulesForExits } from './tidy/rules-for-exits.ts';
import { rulesForImports } from './tidy/rules-for-imports.ts';
import { rulesForNames } from './tidy/rules-for-names.ts';
import { rulesForPackages } from './tidy/rules-for-packages.ts';
import { rulesForPages } from './tidy/rules-for-pages.ts';
import { rulesForSizes } from './tidy/rules-for-sizes.ts';
import { rulesForSql } from './tidy/rules-for-sql.ts';
import { rulesForTests } from './tidy/rules-for-tests.ts';

/** The house rules of STYLE.md, each as a check of the whole project, and each check proven by a planted violation. */
const rules: readonly Rule[] = [
  ...rulesForNames,
  ...rulesForImports,
  ...rulesForCalls,
  ...rulesForExits,
  ...rulesForSql,
  ...rulesForSizes,
  ...rulesForPages,
  ...rulesForPackages,
  ...rulesForTests,
];

const project = readProject(process.cwd());

describe('house rules', () => {
  test('the project that is judged is really there', () => {
    expect(project.filter(({ path }) => path.startsWith('src/')).length).toBeGreaterThan(10);
    expect(project.map(({ path }) => path)).toContain('package.json');
  });

  test('STYLE.md names every check of the house rules', () => {
    const page = project.find(({ path }) => path === 'STYLE.md')?.text ?? '';
    expect(rules.map(({ name }) => name).filter((name) => !page.includes(`| ${name} |`))).toEqual([]);
  });

  for (const rule of rules) {
    test(rule.name, () => {
      expect(rule.check(project).map((finding) => say(rule, finding))).toEqual([]);
    });

    test(`a planted violation is found: ${rule.name}`, () => {
      const found = rule.check(plantedProject(rule.canary.plant));
      expect(found.map(({ path, line }) => `${path}:${line}`).sort()).toEqual([...rule.canary.finds].sort());
    });
  }
});

function say(rule: Rule, { path, line, problem, instead }: Finding): string {
  return `${path}:${line}: ${problem} (rule: ${rule.name}). Instead: ${instead}.`;
}
