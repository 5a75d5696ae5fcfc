import {
  type Finding,
  isCode,
  isForeign,
  isServer,
  isTest,
  lineOf,
  type ProjectFile,
  type Rule,
  scanOf,
} from './project.ts';
import { closing } from './scan.ts';

type Ban = {
  readonly call: RegExp;
  readonly instead: string;
  /** Where it belongs. Tests, bench, bin and src/main may do all of this. */
  readonly home: RegExp;
};

const nowhere = /^$/;
const programs = /^simulators\/.*\.cli\.ts$/;
const timeInstead =
  'take the time as an argument (`now`), or ask the database; the machine clock lives in src/shared/clock.ts';
const clockHome = /^src\/shared\/(clock\.ts|postgres\/embedded)|^simulators\/.*clock\.ts$/;
const randomInstead = 'take `newId` or `random` as an argument; they are handed in by src/main';
const randomHome = /^src\/shared\/(ids\.ts|postgres\/embedded)|^simulators\/.*clock\.ts$/;

const bans: readonly Ban[] = [
  { call: /\bDate\.now\b/g, instead: timeInstead, home: clockHome },
  { call: /\bnew Date\(\s*\)/g, instead: timeInstead, home: clockHome },
  {
    call: /\bperformance\.now\b|\bprocess\.hrtime\b/g,
    instead: 'use stopwatch() of src/shared/clock.ts',
    home: clockHome,
  },
  {
    call: /\b(setTimeout|setInterval)\(/g,
    instead: 'use sleep() of src/shared/clock.ts with a signal',
    // The client's listener mends its own connection.
    home: /^src\/shared\/(clock\.ts|postgres\/)|^simulators\/.*clock\.ts$/,
  },
  { call: /\bMath\.random\b/g, instead: randomInstead, home: randomHome },
  { call: /\brandomUUID\b|\brandomBytes\b|\brandomInt\b/g, instead: randomInstead, home: randomHome },
  {
    call: /\bprocess\.env\b/g,
    instead: 'take the setting as an argument; src/main/environment.ts reads it',
    home: nowhere,
  },
  { call: /\bprocess\.exit\b/g, instead: 'return or throw; only src/main ends the process', home: programs },
  {
    call: /\bnew (pg\.)?(Pool|Client)\(/g,
    instead: 'take a Database (src/shared/postgres/client.ts) or an Outbound client (src/shared/outbound.ts)',
    home: /^src\/shared\/(postgres\/|outbound)|\.client\.ts$/,
  },
  {
    call: /(?<![\w.])fetch\(/g,
    instead: 'call out through src/shared/outbound.ts, in a .client.ts file',
    home: nowhere,
  },
  { call: /\bparseFloat\b/g, instead: 'use parseDecimal of src/shared/money.ts', home: nowhere },
  {
    call: /\.toFixed\(/g,
    instead: 'use show of src/shared/money.ts for money, Math.round for the rest',
    home: nowhere,
  },
  { call: /\bconsole\./g, instead: 'use the Logger that is handed in (src/shared/log.ts)', home: nowhere },
  { call: /\bnew Function\(|(?<![\w.])eval\(/g, instead: 'write the code out', home: nowhere },
];

const isJudged = (path: string): boolean =>
  (isServer(path) && !path.startsWith('src/main/')) ||
  (path.startsWith('simulators/') && path.endsWith('.ts') && !isTest(path));

/** What may be called where, and how code fails. */
export const rulesForCalls: readonly Rule[] = [
  {
    name: 'time, randomness, settings and connections come in as arguments',
    check: (project) => project.filter(({ path }) => isJudged(path)).flatMap(bannedCalls),
    canary: {
      plant: {
        'src/orders/order.ts': [
          'const a = Date.now();',
          'const b = new Date();',
          'const c = new Date(0);',
          'const d = Math.random();',
          'const e = randomUUID();',
          'const f = process.env.HOME;',
          'const g = new Pool({});',
          'const h = parseFloat(x);',
          'const i = x.toFixed(2);',
          'console.log(x);',
          '// Date.now() is not called here, nor `Math.random()`.',
          "const j = 'process.env';",
          'setTimeout(f, 5);',
          'await fetch(url);',
          'process.exit(1);',
          'eval(x);',
          'const k = performance.now();',
          `const l = \`\${Date.now()} process.env\`;`,
        ].join('\n'),
        'src/main/api.ts': 'const a = process.env.HOME;',
        'src/shared/clock.ts': 'const a = Date.now();',
      },
      finds: [1, 2, 4, 5, 6, 7, 8, 9, 10, 13, 14, 15, 16, 17, 18].map((line) => `src/orders/order.ts:${line}`),
    },
  },
  {
    name: 'there are three kinds of failure: refused, retry, bug',
    check: (project) => project.filter(({ path }) => isJudged(path)).flatMap(strangeFailures),
    canary: {
      plant: {
        'src/orders/order.ts': [
          "throw new Error('x');",
          "throw new Bug('x');",
          'class OrderError extends Error {}',
          "throw 'text';",
          'throw error;',
          "throw new Retry('x');",
          "const sentinel = new TypeError('x');",
        ].join('\n'),
        'src/shared/failure.ts': 'export class Retry extends Error {}',
      },
      finds: [1, 3, 4, 7].map((line) => `src/orders/order.ts:${line}`),
    },
  },
  {
    name: 'there are no classes and decorators but those that carry a failure or a secret',
    check: (project) =>
      project
        .filter(({ path }) => isServer(path))
        .flatMap((file) =>
          [...scanOf(file).code.matchAll(/^\s*(?:export\s+)?(?:abstract\s+)?class\s+(\w+)|^\s*@\w+/gm)]
            .filter(([, name]) => name === undefined || !['Retry', 'Bug', 'RefusedError', 'Secret'].includes(name))
            .map((match) => ({
              path: file.path,
              line: lineOf(file.text, match.index + match[0].search(/\S/)),
              problem: `"${match[0].trim()}"`,
              instead: 'write functions that take their dependencies as one plain argument',
            })),
        ),
    canary: {
      plant: {
        'src/orders/order.ts': 'export class OrderService {}\n@Injectable()\nexport class Bug extends Error {}',
      },
      finds: ['src/orders/order.ts:1', 'src/orders/order.ts:2'],
    },
  },
  {
    name: 'a switch ends in never',
    check: (project) =>
      project
        .filter(({ path }) => isServer(path))
        .flatMap((file) => {
          const { code } = scanOf(file);
          return [...code.matchAll(/\bswitch\s*\(/g)].flatMap((match): Finding[] => {
            const head = closing(code, match.index + match[0].length - 1);
            const open = code.indexOf('{', head);
            const end = closing(code, open);
            // Codes of the system and of SQL have no closed list.
            if (/^\(\s*([\w.]+\.)?code\s*\)|^\(\s*sqlState\(/.test(code.slice(match.index + match[0].length - 1)))
              return [];
            if (/\bdefault\s*:[^:]*(\bnever\(|\bsatisfies never\b)/.test(code.slice(open, end))) return [];
            if (/\/\/ Open set: \S/.test(file.text.slice(open, end))) return [];
            const instead = 'end it in `default: return never(value, where)`, or say `// Open set: …` why not';
            return [{ path: file.path, line: lineOf(code, match.index), problem: 'a switch without never', instead }];
          });
        }),
    canary: {
      plant: {
        'src/orders/order.ts':
          "switch (a.kind) {\n case 'b': return 1;\n}\n" +
          "switch (c) {\n case 'd': return 1;\n default: return never(c, 'here');\n}\n" +
          "switch (error.code) {\n case 'ENOENT': return 1;\n}\n" +
          "switch (e) {\n case 'ENOENT': return 1;\n // Open set: the system may add codes.\n}",
      },
      finds: ['src/orders/order.ts:1'],
    },
  },
  {
    name: 'the compiler and the linter are not silenced',
    check: (project) =>
      project
        .filter(({ path }) => isCode(path) && !isForeign(path))
        .flatMap((file) =>
          scanOf(file)
            .comments.filter(({ text }) => /@ts-(ignore|nocheck)|biome-ignore(?!.*:\s*\S)|eslint-disable/.test(text))
            .map(({ start, text }) => ({
              path: file.path,
              line: lineOf(file.text, start),
              problem: `"${text.slice(0, 60)}"`,
              instead: 'mend the type; a biome-ignore needs its reason behind a colon',
            })),
        ),
    canary: {
      plant: {
        'src/orders/order.ts':
          '// @ts-ignore\nconst a = 1;\n// biome-ignore lint/x/y: the library asks for it\n// biome-ignore lint/x/y\n',
      },
      finds: ['src/orders/order.ts:1', 'src/orders/order.ts:4'],
    },
  },
];

function bannedCalls(file: ProjectFile): Finding[] {
  const { code } = scanOf(file);
  return bans
    .filter(({ home }) => !home.test(file.path))
    .flatMap(({ call, instead }) =>
      [...code.matchAll(call)].map((match) => {
        return { path: file.path, line: lineOf(code, match.index), problem: `"${match[0].trim()}"`, instead };
      }),
    );
}

const throwables = ['Retry', 'Bug', 'RefusedError'];

function strangeFailures(file: ProjectFile): Finding[] {
  // What others throw is made an Error there.
  if (file.path === 'src/shared/failure.ts') return [];
  const { code } = scanOf(file);
  const instead = 'return a refusal (refuse), or throw Retry (src/shared/failure.ts) or Bug (src/shared/assert.ts)';
  const made = /\bthrow\s+(?:new\s+([\w$.]+)|['"`])|\bnew\s+(\w*Error)\(/g;
  const thrown = [...code.matchAll(made)].filter(([, name, other]) => !throwables.includes(name ?? other ?? ''));
  const classes = [...code.matchAll(/\bclass\s+(\w+)[^{]*\bextends\s+\w*Error\b/g)].filter(
    ([, name]) => !throwables.includes(name ?? ''),
  );
  return [...thrown, ...classes].map((match) => {
    return { path: file.path, line: lineOf(code, match.index), problem: `"${match[0].trim()}"`, instead };
  });
}
