import { costOf, type Finding, isCode, isForeign, isServer, lineOf, type Rule, scanOf } from './project.ts';

const emptyWords = ['common', 'utils', 'util', 'helpers', 'helper', 'core', 'services', 'interfaces', 'dto', 'manager'];
const units = '(Ms|Seconds|Minutes|Hours|Days|At|Max|Min)';

/** Names of files, folders, and things that carry a unit. */
export const rulesForNames: readonly Rule[] = [
  {
    name: 'no file or folder is named after nothing in particular',
    check: (project) =>
      project.flatMap(({ path }): Finding[] => {
        if (isForeign(path)) return [];
        const words = path.toLowerCase().split(/[/.\-_]/);
        const empty = words.find((word) => emptyWords.includes(word));
        return empty === undefined
          ? []
          : [
              {
                path,
                line: 1,
                problem: `the name holds "${empty}"`,
                instead: 'name it after the business thing it does',
              },
            ];
      }),
    canary: {
      plant: { 'src/orders/order-utils.ts': '', 'src/core/order.ts': '', 'src/orders/scoreboard.ts': '' },
      finds: ['src/orders/order-utils.ts:1', 'src/core/order.ts:1'],
    },
  },
  {
    name: 'the rooms of src are the rooms of the architecture',
    check: (project) => {
      const rooms = roomsOf(project.find(({ path }) => path === 'ARCHITECTURE.md')?.text ?? '');
      const instead = 'put the file into a room of the tree in ARCHITECTURE.md, or draw the room there';
      return project.flatMap(({ path }): Finding[] => {
        const [top, room = '', rest] = path.split('/');
        if (top !== 'src' || (rest !== undefined && rooms.has(room))) return [];
        return [{ path, line: 1, problem: `"${room}" is not a room`, instead }];
      });
    },
    canary: {
      plant: {
        'ARCHITECTURE.md': '# A\n```\nsrc/\n  main/    wires\n  orders/  the order\ntests/\n  harness/\n```\n',
        'src/misc/order.ts': '',
        'src/order.ts': '',
        'src/harness/a.ts': '',
        'src/orders/order.ts': '',
      },
      finds: ['src/misc/order.ts:1', 'src/order.ts:1', 'src/harness/a.ts:1'],
    },
  },
  {
    name: 'shared is the closed list that ARCHITECTURE.md gives',
    check: (project) => {
      const page = project.find(({ path }) => path === 'ARCHITECTURE.md')?.text ?? '';
      const list = (/^ {2}shared\/((?:.|\n {4,})*)/m.exec(page)?.[1] ?? '').split(/\s+/);
      return project.flatMap(({ path }): Finding[] => {
        const name = /^src\/shared\/([^/.]+)/.exec(path)?.[1];
        if (name === undefined || list.includes(name)) return [];
        const instead = 'give it to the room that needs it most, or add it to the list with a decision';
        return [{ path, line: 1, problem: `"${name}" is not in the list`, instead }];
      });
    },
    canary: {
      plant: {
        'ARCHITECTURE.md': '# A\n```\nsrc/\n  shared/  money ids\n           postgres a list\nother/  things\n```\n',
        'src/shared/money.ts': '',
        'src/shared/postgres/client.ts': '',
        'src/shared/things.ts': '',
      },
      finds: ['src/shared/things.ts:1'],
    },
  },
  {
    name: 'code files are named in lower case with dashes, and their suffix tells the cost',
    check: (project) =>
      project.flatMap(({ path }): Finding[] => {
        if (!isCode(path) || isForeign(path)) return [];
        const name = path.slice(path.lastIndexOf('/') + 1);
        const base = name.replace(/(\.(db|http))?\.test\.ts$/, '.ts').replace(/\.config\.ts$/, '.ts');
        const instead =
          'x.ts pure, x.sql.ts, x.http.ts, x.client.ts, x.run.ts, x.cli.ts; tests .test.ts, .db.test.ts, .http.test.ts';
        if (costOf(base) === null && base.endsWith('.ts'))
          return [{ path, line: 1, problem: 'an unknown suffix', instead }];
        if (/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)+$/.test(base)) return [];
        return [{ path, line: 1, problem: 'not lower case with dashes', instead: 'rename it, such as order-lines.ts' }];
      }),
    canary: {
      plant: { 'src/orders/orderLines.ts': '', 'src/orders/x.service.ts': '', 'src/orders/order-lines.sql.ts': '' },
      finds: ['src/orders/orderLines.ts:1', 'src/orders/x.service.ts:1'],
    },
  },
  {
    name: 'names of durations end in a unit',
    check: (project) =>
      project.filter(({ path }) => isServer(path) || path.startsWith('simulators/')).flatMap(unitless),
    canary: {
      plant: {
        'src/orders/order.ts':
          'const pollDelay = 5;\nconst pollDelayMs = 5;\ntype T = { readonly leaseTtl: number };\nsetTimeout(x);',
      },
      finds: ['src/orders/order.ts:1', 'src/orders/order.ts:3'],
    },
  },
];

/** The folders that the tree of the page shows directly below `src/`. */
function roomsOf(page: string): Set<string> {
  const tree = /^src\/.*\n((?: {2}.*\n)+)/m.exec(page)?.[1] ?? '';
  return new Set([...tree.matchAll(/^ {2}([a-z][a-z-]*)\//gm)].map(([, room]) => room ?? ''));
}

/** Options that Node and the kept libraries name without a unit. They are set, never named by us. */
const namesOfLibraries = new Set(
  `setTimeout clearTimeout setInterval clearInterval requestTimeout headersTimeout bodyTimeout connectTimeout
  connectionTimeout keepAliveTimeout handlerTimeout keepAliveMaxTimeout connectionsCheckingInterval maxAge
  forceCloseTimeout pluginTimeout retryDelay`.split(/\s+/),
);

function unitless(file: { path: string; text: string; bytes: number }): Finding[] {
  const { code } = scanOf(file);
  const declared = /\b([a-zA-Z]\w*(?:Timeout|Delay|Ttl|Interval|Age|Duration|Backoff))\b(?=\s*[?]?\s*[:=](?![=>]))/g;
  return [...code.matchAll(declared)]
    .filter(([, name = '']) => /^[a-z]/.test(name) && !namesOfLibraries.has(name))
    .filter(([, name = '']) => !new RegExp(`${units}$`).test(name))
    .map((match) => ({
      path: file.path,
      line: lineOf(file.text, match.index),
      problem: `"${match[1]}" has no unit`,
      instead: `end it in a unit, such as ${match[1]}Ms`,
    }));
}
