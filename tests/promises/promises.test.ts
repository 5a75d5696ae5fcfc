import { describe, expect, test } from 'vitest';
import type { PromiseEntry } from '../../src/main/docs-promises.ts';
import { type Project, plantedProject, readProject, scanOf } from '../tidy/project.ts';
import { testNamesOf } from '../tidy/rules-for-tests.ts';
import { functionsOf } from '../tidy/scan.ts';
import { constraintNamesOf } from '../tidy/schema.ts';
import { promises } from './promises.ts';

const project = readProject(process.cwd());

describe('the table of promises', () => {
  for (const promise of promises) {
    test(`promise ${promise.number} has its constraint, its assertion and its test`, () => {
      expect(lacksOf(promise, project)).toEqual([]);
    });
  }

  test('the promises of the first order are all in the table', () => {
    expect(promises.map(({ number }) => number)).toEqual([1, 2, 3, 5, 6, 7, 8, 9, 14]);
  });

  test('a promise whose constraint, assertion or test is gone is found out', () => {
    const planted = plantedProject({
      'migrations/0001-a/up.sql': 'create table a (b text unique, constraint c check (true));',
      'src/orders/order.ts': 'function guard() { assert(x); }\nfunction idle() { return 1; }\n',
      'tests/promises/one.test.ts': "test('it holds under load', f);",
    });
    const sound: PromiseEntry = {
      number: 1,
      promise: 'It holds',
      constraints: ['c', 'a_b_key'],
      assertions: [{ file: 'src/orders/order.ts', symbol: 'guard' }],
      tests: [{ file: 'tests/promises/one.test.ts', name: 'it holds under load' }],
    };
    expect(lacksOf(sound, planted)).toEqual([]);
    const [assertion] = sound.assertions;
    const broken: PromiseEntry = {
      ...sound,
      constraints: ['c', 'd'],
      assertions: [{ file: 'src/orders/order.ts', symbol: 'idle' }],
      tests: [{ file: 'tests/promises/one.test.ts', name: 'it held' }],
    };
    expect(lacksOf(broken, planted)).toEqual([
      'd is in no migration',
      'idle of src/orders/order.ts asserts nothing',
      'tests/promises/one.test.ts has no test "it held"',
    ]);
    expect(lacksOf({ ...sound, constraints: [], assertions: [], tests: [] }, planted)).toEqual([
      'it names no constraint',
      'it names no assertion',
      'it names no test',
    ]);
    expect(assertion).toBeDefined();
  });
});

function lacksOf({ constraints, assertions, tests }: PromiseEntry, among: Project): string[] {
  const schema = among.filter(({ path }) => /^migrations\/.*\.sql$/.test(path));
  const known = new Set(schema.flatMap(({ text }) => [...constraintNamesOf(text)]));
  const names = 'none' in constraints ? [] : constraints;
  const testNames = testNamesOf(among);
  return [
    ...(names.length === 0 && !('none' in constraints) ? ['it names no constraint'] : []),
    ...names.filter((name) => !known.has(name)).map((name) => `${name} is in no migration`),
    ...(assertions.length === 0 ? ['it names no assertion'] : []),
    ...assertions
      .filter(({ file, symbol }) => !assertsIn(among, file, symbol))
      .map(({ file, symbol }) => `${symbol} of ${file} asserts nothing`),
    ...(tests.length === 0 ? ['it names no test'] : []),
    ...tests
      .filter(({ file, name }) => !testNames.some((each) => each.path === file && each.name === name))
      .map(({ file, name }) => `${file} has no test "${name}"`),
  ];
}

/** Whether the function is there and refuses or throws: an assertion that was emptied is none. */
function assertsIn(among: Project, path: string, symbol: string): boolean {
  const file = among.find((each) => each.path === path);
  if (file === undefined) return false;
  const { code } = scanOf(file);
  return functionsOf(code)
    .filter(({ name }) => name === symbol)
    .some(({ bodyStart, end }) =>
      /\b(assert|never|present|refuse\w*|reject|decided)\(|\bthrow\b/.test(code.slice(bodyStart, end)),
    );
}
