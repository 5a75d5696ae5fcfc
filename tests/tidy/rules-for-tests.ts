import { importsOf } from './imports.ts';
import { type Finding, groupedBy, isTest, lineOf, type Project, type Rule, scanOf } from './project.ts';

const isSuite = (path: string): boolean => path.endsWith('.test.ts');

/** Tests are promises in plain words; their suffix tells their cost. */
export const rulesForTests: readonly Rule[] = [
  {
    name: 'names of tests are unique',
    check: (project) => {
      const byName = groupedBy(testNamesOf(project), ({ name }) => name);
      return [...byName.values()].flatMap(([first, ...more]) =>
        more.map(({ path, line, name }) => ({
          path,
          line,
          problem: `"${name}" is also a test of ${first?.path}:${first?.line}`,
          instead: 'say what this one promises',
        })),
      );
    },
    canary: {
      plant: {
        'tests/a.test.ts': "test('an order ends', () => {});\ntest('an order begins', () => {});",
        'src/orders/b.test.ts': "\ntest('an order ends', () => {});",
      },
      finds: ['src/orders/b.test.ts:2'],
    },
  },
  {
    name: 'tests are named as promises in plain words',
    check: (project) =>
      testNamesOf(project)
        .filter(({ name }) => /^(should|it|test)\b/i.test(name) || name.split(/\s+/).length < 3)
        .map(({ path, line, name }) => ({
          path,
          line,
          problem: `"${name}"`,
          instead: 'say what holds, as a sentence',
        })),
    canary: {
      plant: {
        'tests/a.test.ts': "test('should work fine now', f);\ntest('commit', f);\ntest('an order ends once', f);",
      },
      finds: ['tests/a.test.ts:1', 'tests/a.test.ts:2'],
    },
  },
  {
    name: 'no test is skipped, focused or left to be written',
    check: (project) =>
      project
        .filter(({ path }) => isTest(path) && path.endsWith('.ts'))
        .flatMap((file) =>
          [...scanOf(file).code.matchAll(/\b(test|describe|it)\.(only|skip|to[d]o|fails)\b/g)].map((match) => ({
            path: file.path,
            line: lineOf(file.text, match.index),
            problem: match[0],
            instead: 'let it run, or take it out; test.skipIf says why on which machine',
          })),
        ),
    canary: {
      plant: {
        'tests/a.test.ts': "test.only('an order ends once', f);\ntest.skipIf(isWindows)('an order is one', f);",
      },
      finds: ['tests/a.test.ts:1'],
    },
  },
  {
    name: 'the suffix of a test tells its cost',
    check: (project) =>
      importsOf(project, isSuite).flatMap(({ from, line, target, typesOnly }): Finding[] => {
        const isCheap = /(?<!\.db|\.http)\.test\.ts$/.test(from);
        if (!isCheap || target === null || typesOnly) return [];
        if (!/^tests\/harness\/database\.ts$|\.sql\.ts$|^src\/shared\/postgres\/client\.ts$/.test(target)) return [];
        const instead = 'name it .db.test.ts (or .http.test.ts if it also serves HTTP)';
        return [{ path: from, line, problem: `imports ${target}`, instead }];
      }),
    canary: {
      plant: {
        'tests/a.test.ts': "import { createTestDatabase } from './harness/database.ts';",
        'tests/b.db.test.ts': "import { createTestDatabase } from './harness/database.ts';",
      },
      finds: ['tests/a.test.ts:1'],
    },
  },
];

export type TestName = { readonly path: string; readonly line: number; readonly name: string };

/** The names of all tests that are written out; names made in a loop are left to the loop. */
export function testNamesOf(project: Project): TestName[] {
  return project
    .filter(({ path }) => isTest(path) && path.endsWith('.ts'))
    .flatMap((file) => {
      const { code, literals } = scanOf(file);
      return [...code.matchAll(/\btest(?:\.\w+(?:\([^)]*\))?)?\(\s*(?=['"`])/g)].flatMap((match): TestName[] => {
        const literal = literals.find(({ start }) => start === match.index + match[0].length);
        if (literal === undefined || literal.text.includes('${') || literal.text.includes('%')) return [];
        return [{ path: file.path, line: lineOf(file.text, match.index), name: literal.text.replace(/\\'/g, "'") }];
      });
    });
}
