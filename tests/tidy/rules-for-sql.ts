import { type Finding, isServer, lineOf, type Project, type ProjectFile, type Rule, scanOf } from './project.ts';
import { functionsOf, type Literal } from './scan.ts';
import { tablesOf } from './schema.ts';
import { isBounded } from './select-bounds.ts';

const measureOf: Readonly<Record<string, string>> = { jsonb: 'pg_column_size', bytea: 'octet_length' };
const statementBegins = new RegExp(
  '^\\s*(--[^\\n]*\\n\\s*)*(' +
    'select\\b|insert into\\b|update\\s+\\S+\\s+(\\w+\\s+)?set\\b|delete from\\b|with( recursive)?\\s+\\S+\\s+as\\b|' +
    '(create|alter|drop)\\s+(table|index|unique|function|trigger|database|role|user|type|view|schema)\\b|' +
    'truncate\\s|merge into\\b)',
  'i',
);

/** SQL is written out, bounded, and the schema limits what it holds. */
export const rulesForSql: readonly Rule[] = [
  {
    name: 'no SQL is put together from pieces',
    check: (project) =>
      statementsOf(project).flatMap(({ file, literal }): Finding[] => {
        // Names of databases and roles cannot be parameters.
        if (
          /^src\/shared\/postgres\//.test(file.path) &&
          /^\s*(create|drop|alter) (database|role|user)\b/.test(literal.text)
        )
          return [];
        const isGlued = /^\s*\+/.test(scanOf(file).code.slice(literal.end + 1));
        if (!isGlued && !(literal.isTemplate && literal.text.includes('${'))) return [];
        const line = lineOf(file.text, literal.start);
        return [{ path: file.path, line, problem: 'SQL from pieces', instead: 'write it out, with $1 for each value' }];
      }),
    canary: {
      plant: {
        'src/orders/order.sql.ts': [
          'const a = { text: `select 1 where a = $' + '{b}` };',
          'const c = { text: `select 1 where a = $1` };',
          'const d = "select 1 " + e;',
          'const f = `with $' + '{g} something`;',
          'const h = `update $' + '{i} set j = 1`;',
        ].join('\n'),
      },
      finds: [1, 3, 5].map((line) => `src/orders/order.sql.ts:${line}`),
    },
  },
  {
    name: 'SQL stands in .sql.ts files and is lower case',
    check: (project) =>
      statementsOf(project).flatMap(({ file, literal }): Finding[] => {
        const line = lineOf(file.text, literal.start);
        const isAtHome = /\.sql\.ts$|^src\/shared\/postgres\/|^src\/main\//.test(file.path);
        if (!isAtHome && /\b(from|into|set|table)\s+\w+/i.test(literal.text) && /^\s*[a-z]+\s/.test(literal.text))
          return [
            { path: file.path, line, problem: 'SQL in a file of another cost', instead: 'move it to a .sql.ts file' },
          ];
        const shouted = /\b(SELECT|INSERT|UPDATE|DELETE|FROM|WHERE|RETURNING|VALUES)\b/.exec(literal.text);
        return isAtHome && shouted
          ? [{ path: file.path, line, problem: shouted[0], instead: 'write SQL in lower case' }]
          : [];
      }),
    canary: {
      plant: {
        'src/orders/order.run.ts': `const a = 'select a from b where c = $1';\nconst b = 'update the order';`,
        'src/orders/order.sql.ts': `const a = 'SELECT 1';\nconst b = 'select 1';`,
      },
      finds: ['src/orders/order.run.ts:1', 'src/orders/order.sql.ts:1'],
    },
  },
  {
    name: 'every select has a limit or a unique key',
    check: unboundedSelects,
    canary: {
      plant: {
        'migrations/0001-a/up.sql':
          'create table orders (\n  order_id uuid primary key,\n  a text check (a in (1))\n);',
        'src/orders/order.sql.ts': [
          'const a = `select a from orders where a = $1`;',
          'const b = `select a from orders where order_id = $1`;',
          'const c = `select a from orders order by a limit $1`;',
          'const d = `select count(*)::int as n from orders`;',
          'const e = `select a from orders o join orders p on p.order_id = o.a where o.a = $1`;',
          'const f = `select a from orders -- bounded: one row per queue\n`;',
          'const g = `select coalesce(max(a), 0), b from orders group by b`;',
          'const h = `select a from orders where order_id = any($1)`;',
          'const i = `select a, (select b from c) from orders o join orders p using (order_id) where o.order_id = $1`;',
          'const j = `select a, (select b from c) from orders o join orders p on true where o.order_id = $1`;',
        ].join('\n'),
      },
      finds: [1, 5, 8, 11].map((line) => `src/orders/order.sql.ts:${line}`),
    },
  },
  {
    name: 'an exported function of a .sql.ts file runs one statement',
    check: (project) =>
      project.filter(({ path }) => isServer(path) && path.endsWith('.sql.ts')).flatMap(manyStatements),
    canary: {
      plant: {
        'src/orders/order.sql.ts':
          'export async function a(db) {\n  await db.query({});\n  await db.execute({});\n}\n' +
          'export async function b(db) {\n  await db.query<Row>({ text: `select 1; select 2` });\n}\n' +
          'export const c = (db) => db.query({ text: `select 1` });\n',
      },
      finds: ['src/orders/order.sql.ts:1', 'src/orders/order.sql.ts:6'],
    },
  },
  {
    name: 'every text, jsonb and bytea column has a limit',
    check: (project) =>
      project
        .filter(({ path }) => /^migrations\/.*\.sql$/.test(path))
        .flatMap(({ path, text }) =>
          tablesOf(text).flatMap((table) =>
            table.columns
              .filter(({ type, isLimited }) => /^(text|jsonb|bytea|varchar)/.test(type) && !isLimited)
              .map(({ name, type, position }) => ({
                path,
                line: lineOf(text, position),
                problem: `${table.name}.${name} is ${type} without a limit`,
                instead: `add check (${measureOf[type] ?? 'char_length'}(${name}) <= …)`,
              })),
          ),
        ),
    canary: {
      plant: {
        'migrations/0001-a/up.sql': [
          'create table a (',
          '  b text not null,',
          '  c text not null check (char_length(c) <= 5), -- a comment, with a comma',
          "  d text check (d in ('x', 'y')),",
          '  e text not null references z,',
          '  f text,',
          '  g jsonb not null,',
          '  h text,',
          '  foreign key (f, h) references y,',
          '  constraint h_is_short check (char_length(h) < 3 and b is not null)',
          ');',
        ].join('\n'),
      },
      finds: ['migrations/0001-a/up.sql:2', 'migrations/0001-a/up.sql:7'],
    },
  },
  {
    name: 'a migration is a folder with its SQL and its reason',
    check: (project) => {
      const folders = new Set(project.flatMap(({ path }) => /^migrations\/[^/]+(?=\/)/.exec(path)?.[0] ?? []));
      const loose = project.filter(({ path }) => /^migrations\/[^/]+$/.test(path));
      return [
        ...loose.map(({ path }) => ({ path, line: 1, problem: 'a loose file', instead: 'put it in its own folder' })),
        ...[...folders].flatMap((folder): Finding[] => {
          const missing = ['up.sql', 'why.md'].filter(
            (name) => !project.some(({ path }) => path === `${folder}/${name}`),
          );
          const isNamed = /^migrations\/\d{4}-[a-z0-9-]+$/.test(folder);
          const instead = 'name it 0002-what-it-does, with up.sql and why.md';
          return missing.length === 0 && isNamed
            ? []
            : [{ path: folder, line: 1, problem: `lacks ${missing.join(', ')}`, instead }];
        }),
      ];
    },
    canary: {
      plant: {
        'migrations/0001-a/up.sql': '',
        'migrations/0001-a/why.md': '',
        'migrations/0002-b/up.sql': '',
        'migrations/x.sql': '',
      },
      finds: ['migrations/x.sql:1', 'migrations/0002-b:1'],
    },
  },
];

type SqlLiteral = { readonly file: ProjectFile; readonly literal: Literal };

function statementsOf(project: Project): SqlLiteral[] {
  return project
    .filter(({ path }) => isServer(path))
    .flatMap((file) =>
      scanOf(file)
        .literals.filter(({ text }) => statementBegins.test(text) && /\s/.test(text.trim()))
        .map((literal) => ({ file, literal })),
    );
}

function unboundedSelects(project: Project): Finding[] {
  const tables = project.filter(({ path }) => /^migrations\/.*\.sql$/.test(path)).flatMap(({ text }) => tablesOf(text));
  const keys = new Map(tables.map(({ name, uniqueKeys }) => [name, uniqueKeys]));
  return statementsOf(project)
    .filter(({ file }) => file.path.endsWith('.sql.ts'))
    .flatMap(({ file, literal }): Finding[] => {
      const line = lineOf(file.text, literal.start);
      const instead =
        'add `limit`, select by a whole unique key, or say what bounds it in a comment of the SQL: `-- bounded: …`';
      return isBounded(literal.text, keys)
        ? []
        : [{ path: file.path, line, problem: 'a select without a bound', instead }];
    });
}

function manyStatements(file: ProjectFile): Finding[] {
  const { code, literals } = scanOf(file);
  const instead =
    'put the order of several into a .run.ts file, or say in a comment why one is "a statement of its own"';
  const functions = functionsOf(code).filter(({ start }) =>
    /^\s*export\b/.test(code.slice(code.lastIndexOf('\n', start) + 1)),
  );
  const several = functions.flatMap(({ name, start, bodyStart, end }): Finding[] => {
    const calls = [...code.slice(bodyStart, end).matchAll(/\.(query|execute)\s*[<(]/g)].length;
    // Some things take two: then a comment says why, such as a snapshot that must be taken after a lock.
    if (/\/\/.*\bstatement of its own\b/.test(file.text.slice(bodyStart, end))) return [];
    const line = lineOf(code, start + code.slice(start).search(/\S/));
    return calls <= 1 ? [] : [{ path: file.path, line, problem: `${name} runs ${calls} statements`, instead }];
  });
  const glued = literals
    .filter(
      ({ text }) => statementBegins.test(text) && /;\s*\S/.test(text.replace(/--[^\n]*/g, '').replace(/'[^']*'/g, '')),
    )
    .map(({ start }) => ({
      path: file.path,
      line: lineOf(file.text, start),
      problem: 'two statements in one',
      instead,
    }));
  return [...several, ...glued];
}
