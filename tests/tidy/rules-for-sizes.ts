import { type Finding, isCode, isForeign, lineOf, type Rule, scanOf } from './project.ts';
import ratchet from './ratchet.json' with { type: 'json' };
import { functionsOf } from './scan.ts';

const columnsMax = 120;
const functionLinesMax = 70;
const fileLinesMax = 500;
/** Nearly all files stay below. Those above stand in ratchet.json with a number that may only shrink. */
const fileLinesGood = 300;
const blobBytesMax = 256 * 1024;
/** The real order lines that the sample catalogue is made of. */
const largeBlobs = ['data/online-retail/online-retail-40k.csv.gz'];

const isMeasured = (path: string): boolean => (isCode(path) || path.endsWith('.sql')) && !isForeign(path);

/** A file is read top-down in one sitting. */
export const rulesForSizes: readonly Rule[] = [
  {
    name: 'lines have at most 120 columns',
    check: (project) =>
      project
        .filter(({ path }) => isMeasured(path))
        .flatMap(({ path, text }) =>
          text
            .split('\n')
            .flatMap((line, index): Finding[] =>
              [...line].length <= columnsMax
                ? []
                : [{ path, line: index + 1, problem: `${[...line].length} columns`, instead: 'break the line' }],
            ),
        ),
    canary: {
      plant: { 'src/orders/order.ts': `const a = 1;\n// ${'x'.repeat(120)}\n`, 'README.md': 'x'.repeat(200) },
      finds: ['src/orders/order.ts:2'],
    },
  },
  {
    name: 'functions have at most 70 lines',
    check: (project) =>
      project
        .filter(({ path }) => isCode(path) && !isForeign(path))
        .flatMap((file) => {
          const { code } = scanOf(file);
          return functionsOf(code).flatMap(({ name, start, bodyStart, end }): Finding[] => {
            const line = lineOf(code, start);
            const lines = lineOf(code, end) - line + 1;
            // A function that declares tests is a list of them, and each of them is measured.
            const declaresTests = /\b(test|describe)(\.\w+)*\s*\(/.test(code.slice(bodyStart, end));
            if (lines <= functionLinesMax || declaresTests) return [];
            const problem = `${name} has ${lines} lines`;
            return [{ path: file.path, line, problem, instead: 'keep the flow here and move the leaves out' }];
          });
        }),
    canary: {
      plant: {
        'src/orders/order.ts':
          `const a = 1;\nexport function long(x: { y: 1 }): { z: number } | null {\n${'  x;\n'.repeat(70)}}\n` +
          `function short() {\n${'  x;\n'.repeat(60)}}\nconst arrow = (): void => {\n${'  x;\n'.repeat(70)}};\n`,
      },
      finds: ['src/orders/order.ts:2', 'src/orders/order.ts:136'],
    },
  },
  {
    name: 'files have at most 500 lines, and those above 300 only shrink',
    check: (project) => [...tooLong(project), ...ratchetLeftovers(project)],
    canary: {
      plant: {
        'src/orders/order.ts': 'x;\n'.repeat(301),
        'migrations/0001-a/up.sql': 'x;\n'.repeat(499),
        'src/orders/huge.ts': 'x;\n'.repeat(501),
      },
      finds: ['src/orders/order.ts:301', 'src/orders/huge.ts:501'],
    },
  },
  {
    name: 'no file is larger than 256 KiB',
    check: (project) =>
      project.flatMap(({ path, bytes }): Finding[] =>
        bytes <= blobBytesMax || largeBlobs.includes(path)
          ? []
          : [{ path, line: 1, problem: `${bytes} bytes`, instead: 'make it from something smaller, or leave it out' }],
      ),
    canary: { plant: { 'docs/film.json': 'x'.repeat(256 * 1024 + 1), 'README.md': 'x' }, finds: ['docs/film.json:1'] },
  },
];

function tooLong(project: readonly { path: string; text: string }[]): Finding[] {
  const allowances: Readonly<Record<string, number>> = ratchet;
  return project
    .filter(({ path }) => isMeasured(path))
    .flatMap(({ path, text }): Finding[] => {
      const lines = text.split('\n').length - 1;
      // A migration is one piece and is never changed afterwards, so that it has the hard limit only.
      const allowed = path.startsWith('migrations/') ? fileLinesMax : (allowances[path] ?? fileLinesGood);
      if (lines <= Math.min(allowed, fileLinesMax)) return [];
      return [{ path, line: lines, problem: `${lines} lines, allowed are ${allowed}`, instead: 'make it two things' }];
    });
}

/** An allowance that is no longer needed is taken back, or the ratchet would not turn. */
function ratchetLeftovers(project: readonly { path: string; text: string }[]): Finding[] {
  if (!project.some(({ path }) => path === 'tests/tidy/ratchet.json')) return [];
  return Object.entries(ratchet as Readonly<Record<string, number>>).flatMap(([path, allowed]): Finding[] => {
    const lines = (project.find((file) => file.path === path)?.text.split('\n').length ?? 1) - 1;
    if (lines === allowed && lines > fileLinesGood) return [];
    const problem = `${path} has ${lines} lines, the ratchet says ${allowed}`;
    const instead = lines > fileLinesGood ? 'write the smaller number' : 'take the entry out';
    return lines > allowed ? [] : [{ path: 'tests/tidy/ratchet.json', line: 1, problem, instead }];
  });
}
