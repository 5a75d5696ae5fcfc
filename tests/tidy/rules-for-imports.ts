import { circles, costlyCrossings, offTheArrows, unusedArrows } from './import-graph.ts';
import { type Import, importsOf } from './imports.ts';
import { costOf, type Finding, isCode, isForeign, isServer, lineOf, type Rule, roomOf, scanOf } from './project.ts';

/** Shared files with a cost: they hold the clock, randomness, sockets or a process. All other shared files are pure. */
const sharedWithCost =
  /^src\/shared\/((clock|log|trace-scope|(out|in)bound|outbound\/dispatch|inbound\/thrown)\.ts$|postgres\/)/;
/** Of these files the pure part may be used by name; what has the cost may not. */
const sharedMixed: Readonly<Record<string, readonly string[]>> = { 'src/shared/ids.ts': ['newUuid'] };
/** Packages that compute and do nothing else. */
const purePackages =
  /^(@sinclair\/typebox(\/.*)?|ajv(\/.*)?|ajv-formats|canonicalize|standardwebhooks|csv-parse\/sync)$/;
/** Of Node itself: what neither waits nor looks at the machine. */
const pureBuiltins: Readonly<Record<string, RegExp>> = {
  'node:crypto': /^(createHash|createHmac|hash|timingSafeEqual|type .*)$/,
  'node:util': /^(inspect|isDeepStrictEqual|stripVTControlCharacters)$/,
  'node:net': /^(isIP|isIPv4|isIPv6|BlockList)$/,
  'node:buffer': /.*/,
  'node:url': /.*/,
};

/** Who may import whom. */
export const rulesForImports: readonly Rule[] = [
  {
    name: 'pure files import pure files only',
    check: (project) => importsOf(project, isServer).flatMap(impureImport),
    canary: {
      plant: {
        'src/orders/order.ts': [
          `import { readOrder } from './order.sql.ts';`,
          `import { money } from '../shared/money.ts';`,
          `import { sleep } from '../shared/clock.ts';`,
          `import type { Clock } from '../shared/clock.ts';`,
          `import { randomBytes } from 'node:crypto';`,
          `import { createHash } from 'node:crypto';`,
          `import pg from 'pg';`,
          `import { externalId, newUuid } from '../shared/ids.ts';`,
          `import type { Row } from './order.sql.ts';`,
          `const text = "import { a } from './b.sql.ts'";`,
        ].join('\n'),
        'src/orders/order.sql.ts': `import { sleep } from '../shared/clock.ts';`,
      },
      finds: [1, 3, 5, 7, 8].map((line) => `src/orders/order.ts:${line}`),
    },
  },
  {
    name: 'pure files do not wait',
    check: (project) =>
      project.filter(isPure).flatMap((file) => {
        const instead = 'take the value as an argument, or move the waiting into a .run.ts file';
        return [...scanOf(file).code.matchAll(/\bawait\b|\basync\b/g)].map((match) => {
          return {
            path: file.path,
            line: lineOf(file.text, match.index),
            problem: `"${match[0]}" in a pure file`,
            instead,
          };
        });
      }),
    canary: {
      plant: {
        'src/orders/order.ts': 'export const a = 1;\nexport async function f() {}\n// await the end\n',
        'src/orders/order.run.ts': 'await x;',
      },
      finds: ['src/orders/order.ts:2'],
    },
  },
  {
    name: 'rooms reach into each other only along the arrows of ARCHITECTURE.md',
    check: (project) => [...offTheArrows(project), ...unusedArrows(project)],
    canary: {
      plant: {
        'ARCHITECTURE.md':
          '## Arrows\n\n| from | to | why |\n| --- | --- | --- |\n' +
          '| `checkout` | `orders` | a reason |\n| `orders` | `catalog` | none |\n',
        'src/checkout/commit.run.ts': `import { a } from '../orders/order.sql.ts';\nimport '../payments/p.sql.ts';`,
        'src/checkout/quote.ts': `import { a } from '../orders/order.ts';`,
        'src/orders/order.sql.ts': '',
        'src/orders/order.ts': '',
        'src/payments/p.sql.ts': '',
      },
      finds: ['src/checkout/commit.run.ts:2', 'ARCHITECTURE.md:6'],
    },
  },
  {
    name: 'wiring happens in main: nothing imports main, simulators, tests or bench',
    check: (project) =>
      importsOf(project, isServer).flatMap(({ from, line, target }): Finding[] => {
        if (target === null || roomOf(from) === 'main') return [];
        if (!/^(src\/main|simulators|tests|bench|bin)\//.test(target)) return [];
        return [
          { path: from, line, problem: `imports ${target}`, instead: 'take it as an argument and wire it in src/main' },
        ];
      }),
    canary: {
      plant: {
        'src/orders/order.run.ts': `import { url } from '../main/environment.ts';`,
        'src/main/api.ts': `import { start } from '../../simulators/payment-provider/server.ts';`,
      },
      finds: ['src/orders/order.run.ts:1'],
    },
  },
  {
    name: 'no imports go in a circle, neither of files nor of rooms',
    check: (project) => {
      const all = importsOf(project, (path) => isCode(path) && !isForeign(path));
      const files = all.flatMap(({ from, target, line }) =>
        target === null ? [] : [{ from, to: target, line, path: from }],
      );
      // Of rooms, the arrows make the circle. Pure files are words that all rooms share.
      const rooms = costlyCrossings(project).map(({ from, target, line }) => {
        return { from: roomOf(from), to: roomOf(target ?? ''), line, path: from };
      });
      return [...circles(files), ...circles(rooms)];
    },
    canary: {
      plant: {
        'src/orders/a.ts': `import { b } from './b.ts';`,
        'src/orders/b.ts': `import type { c } from './c.ts';`,
        'src/orders/c.ts': `import { a } from './a.ts';`,
        'src/sagas/s.run.ts': `\nimport { p } from '../payments/p.sql.ts';`,
        'src/sagas/t.sql.ts': '',
        'src/payments/p.sql.ts': `import type { x } from '../orders/e.ts';`,
        'src/payments/q.run.ts': `import { t } from '../sagas/t.sql.ts';`,
        'src/orders/e.ts': '',
        'src/orders/d.ts': `import { q } from '../payments/f.ts';`,
        'src/payments/f.ts': `import { e } from '../orders/e.ts';`,
      },
      finds: ['src/orders/c.ts:1', 'src/payments/q.run.ts:1'],
    },
  },
  {
    name: 'parts of Node are imported with their node: prefix, and every relative import names its file',
    check: (project) =>
      importsOf(project, (path) => isCode(path) && !isForeign(path)).flatMap(({ from, line, specifier, target }) => {
        const found: Finding[] = [];
        if (builtins.has(specifier))
          found.push({ path: from, line, problem: `"${specifier}"`, instead: `write node:${specifier}` });
        if (target !== null && !/\.(ts|mjs|json)$/.test(target))
          found.push({
            path: from,
            line,
            problem: `"${specifier}" has no ending`,
            instead: 'write the ending, such as .ts',
          });
        return found;
      }),
    canary: {
      plant: {
        'src/orders/order.ts': `import { join } from 'path';\nimport { a } from './b';\nimport { c } from 'node:path';`,
      },
      finds: ['src/orders/order.ts:1', 'src/orders/order.ts:2'],
    },
  },
];

const builtins = new Set(
  `assert buffer child_process cluster crypto dns events fs fs/promises http http2 https module net os path
  perf_hooks process querystring readline stream stream/promises string_decoder timers timers/promises tls url
  util v8 vm worker_threads zlib`.split(/\s+/),
);

export function isPure({ path }: { path: string }): boolean {
  if (!isServer(path) || roomOf(path) === 'main' || costOf(path) !== 'pure') return false;
  return !sharedWithCost.test(path) && sharedMixed[path] === undefined;
}

function impureImport({ from, line, specifier, target, names, typesOnly }: Import): Finding[] {
  if (!isPure({ path: from })) return [];
  const problem = `a pure file imports ${specifier}`;
  const instead = 'take the value as an argument, or move what has a cost into a file whose suffix says so';
  const finding = [{ path: from, line, problem, instead }];
  if (target === null) {
    if (typesOnly || purePackages.test(specifier)) return [];
    const allowed = pureBuiltins[specifier];
    return allowed !== undefined && names.every((name) => allowed.test(name)) ? [] : finding;
  }
  if (target.endsWith('.json')) return [];
  if (sharedMixed[target]?.some((name) => names.includes(name))) return finding;
  // Types are erased: they cost nothing.
  if (typesOnly && (roomOf(target) === 'shared' || roomOf(target) === roomOf(from))) return [];
  if (sharedWithCost.test(target)) return finding;
  return costOf(target) === 'pure' ? [] : finding;
}
