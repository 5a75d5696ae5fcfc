/** What the checks need to know of the SQL schema, read from the migrations themselves. */
export type Table = {
  readonly name: string;
  readonly columns: readonly Column[];
  /** Primary and unique keys, each as its columns. Partial unique indexes do not count. */
  readonly uniqueKeys: readonly (readonly string[])[];
};
export type Column = {
  readonly name: string;
  readonly type: string;
  readonly position: number;
  /** Whether a check, a foreign key or a list of values bounds its length. */
  readonly isLimited: boolean;
};

/** The tables that a migration creates. */
export function tablesOf(sql: string): Table[] {
  const bare = withoutComments(sql);
  const tables: Table[] = [];
  for (const match of bare.matchAll(/\bcreate table (?:if not exists )?(\w+)\s*\(/g)) {
    const open = match.index + match[0].length;
    const items = itemsOf(bare, open);
    tables.push({ name: match[1] ?? '', columns: columnsOf(items), uniqueKeys: uniqueKeysOf(items) });
  }
  return tables;
}

/** Every name of a constraint, a trigger or an index: those that are given, and those that PostgreSQL gives. */
export function constraintNamesOf(sql: string): Set<string> {
  const bare = withoutComments(sql);
  const named =
    /\b(?:constraint|create trigger|create (?:unique )?index(?: concurrently)?(?: if not exists)?)\s+(\w+)/g;
  const byDefault = tablesOf(sql).flatMap(({ name, uniqueKeys }) => [
    `${name}_pkey`,
    ...uniqueKeys.map((columns) => `${[name, ...columns].join('_')}_key`),
  ]);
  return new Set([...[...bare.matchAll(named)].map(([, name]) => name ?? ''), ...byDefault]);
}

function withoutComments(sql: string): string {
  return sql
    .replace(/--[^\n]*/g, (comment) => ' '.repeat(comment.length))
    .replace(/\$\$[\s\S]*?\$\$/g, (body) => body.replace(/[^\n]/g, ' '));
}

type Item = { readonly text: string; readonly position: number };

/** The parts between the commas of a table's parentheses. */
function itemsOf(sql: string, open: number): Item[] {
  const items: Item[] = [];
  let depth = 0;
  let begin = open;
  for (let at = open; at < sql.length; at += 1) {
    const char = sql[at];
    if (char === '(') depth += 1;
    if (depth === 0 && (char === ',' || char === ')')) {
      const text = sql.slice(begin, at);
      items.push({ text: text.trim(), position: begin + Math.max(0, text.search(/\S/)) });
      begin = at + 1;
      if (char === ')') break;
    }
    if (char === ')') depth -= 1;
  }
  return items;
}

const tableItem = /^(constraint|primary key|foreign key|unique|check|exclude|like)\b/;

function columnsOf(items: readonly Item[]): Column[] {
  const ofTable = items.filter(({ text }) => tableItem.test(text)).map(({ text }) => text);
  return items
    .filter(({ text }) => !tableItem.test(text))
    .map(({ text, position }) => {
      const [, name = '', type = ''] = /^(\w+)\s+(\w+)/.exec(text) ?? [];
      const measured = new RegExp(`(char_length|octet_length|pg_column_size)\\(${name}\\)|\\b${name} (~|in \\()`);
      const isForeign = ofTable.some((item) => new RegExp(`foreign key \\([^)]*\\b${name}\\b[^)]*\\)`).test(item));
      const isLimited =
        /\breferences\b/.test(text) || isForeign || [text, ...ofTable].some((item) => measured.test(item));
      return { name, type, position, isLimited };
    });
}

function uniqueKeysOf(items: readonly Item[]): string[][] {
  return items.flatMap(({ text }): string[][] => {
    const listed = /\b(?:primary key|unique)\s*\(([^)]*)\)/.exec(text)?.[1];
    if (listed !== undefined) return [listed.split(',').map((column) => column.trim())];
    const [, column = ''] = /^(\w+)\b(?=.*\b(?:primary key|unique)\b)/s.exec(text) ?? [];
    return column === '' || tableItem.test(text) ? [] : [[column]];
  });
}
