import { importsOf } from './imports.ts';
import { type Finding, isServer, isTest, type Rule } from './project.ts';

type Exit = {
  /** What can reach out of the process. */
  readonly specifier: RegExp;
  readonly home: RegExp;
  /** What may be imported of it: in its home, what the crash matrix watches; elsewhere, what reaches nothing. */
  readonly atHome: RegExp;
  readonly elsewhere: RegExp;
};

const clients = /^src\/(shared\/(postgres\/|outbound)|main\/)/;
const anything = /./;
const nothing = /^$/;

const exits: readonly Exit[] = [
  { specifier: /^pg(\/|$)/, home: clients, atHome: anything, elsewhere: nothing },
  { specifier: /^undici$/, home: /^src\/shared\/outbound|\.client\.ts$/, atHome: /^Pool$/, elsewhere: nothing },
  { specifier: /^node:net$/, home: clients, atHome: anything, elsewhere: /^(isIP|isIPv4|isIPv6|BlockList)$/ },
  {
    specifier: /^node:(https?|http2|tls|dgram|dns|dns\/promises|child_process|worker_threads|cluster)$/,
    home: clients,
    atHome: anything,
    elsewhere: nothing,
  },
];

/** The crash matrix kills processes at every call that leaves them: a call by another door would never be tried. */
export const rulesForExits: readonly Rule[] = [
  {
    name: 'what reaches out of the process is imported by the shared clients alone',
    check: (project) =>
      importsOf(project, (path) => isServer(path) && !isTest(path)).flatMap(
        ({ from, line, specifier, names, typesOnly }): Finding[] => {
          const exit = exits.find((each) => each.specifier.test(specifier));
          if (exit === undefined || typesOnly) return [];
          const allowed = exit.home.test(from) ? exit.atHome : exit.elsewhere;
          const used = names.length === 0 ? ['all'] : names.filter((name) => !name.startsWith('type '));
          const strange = used.filter((name) => !allowed.test(name));
          if (strange.length === 0) return [];
          const problem = `imports ${strange.join(', ')} of ${specifier}`;
          const instead = 'take a Database or an Outbound client, or add the exit to tests/crash/exits.ts and here';
          return [{ path: from, line, problem, instead }];
        },
      ),
    canary: {
      plant: {
        'src/orders/order.run.ts': [
          `import { request } from 'node:http';`,
          `import type { IncomingHttpHeaders } from 'node:http';`,
          `import { isIP } from 'node:net';`,
          `import { connect, isIP } from 'node:net';`,
          `import pg from 'pg';`,
          `import { request } from 'undici';`,
          `import { Pool } from 'undici';`,
          `import { spawn } from 'node:child_process';`,
        ].join('\n'),
        'src/orders/order.client.ts': `import { Pool, type Agent } from 'undici';\nimport { fetch } from 'undici';`,
        'src/shared/outbound/dispatch.ts': `import { lookup } from 'node:dns';\nimport { Pool } from 'undici';`,
        'src/shared/postgres/client.ts': `import pg from 'pg';`,
        'src/main/api.ts': `import { createServer } from 'node:net';`,
      },
      finds: [...[1, 4, 5, 6, 7, 8].map((line) => `src/orders/order.run.ts:${line}`), 'src/orders/order.client.ts:2'],
    },
  },
];
