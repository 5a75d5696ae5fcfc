type UniqueKeys = ReadonlyMap<string, readonly (readonly string[])[]>;

/**
 * Whether a statement gives a bounded number of rows: it says so in a comment (`-- bounded: …`), has a limit, only
 * counts, reads the arrays that it was handed, or asks by a whole unique key, its joins included.
 */
export function isBounded(sql: string, keys: UniqueKeys): boolean {
  if (/--\s*bounded:\s*\S/.test(sql) || /\bunnest\(/.test(sql)) return true;
  const whole = sql.replace(/--[^\n]*/g, '').trim();
  // A statement that writes returns what it wrote.
  if (/\b(insert into|update\s+\w+\s+(\w+\s+)?set|delete from)\b/.test(whole)) return true;
  const statement = withoutSubselects(whole);
  if (/\blimit\b/.test(statement) || !/\bfrom\b/.test(statement)) return true;
  const isAggregate = /^select\s[\w(,\s]*\b(count|sum|min|max|bool_or|bool_and|exists)\(/.test(whole);
  if (isAggregate && !/\bgroup by\b/.test(statement)) return true;
  return isByUniqueKey(statement, keys) && joinsAreByUniqueKey(statement, keys);
}

function isByUniqueKey(statement: string, keys: UniqueKeys): boolean {
  const table = /\bfrom\s+(\w+)\b(?!\()/.exec(statement)?.[1] ?? '';
  const where = statement.slice(statement.search(/\bwhere\b/));
  const asked = [...where.matchAll(/(?:\b\w+\.)?\b(\w+)\s*=\s*(?:any\s*\(\s*)?\$\d/g)].map(
    ([, column]) => column ?? '',
  );
  return coversKey(keys.get(table), asked);
}

/** A join to one row each multiplies nothing. */
function joinsAreByUniqueKey(statement: string, keys: UniqueKeys): boolean {
  const joins =
    /\bjoin\s+(\w+)(?:\s+(?!on\b|using\b)(\w+))?\s+(on|using)\b(.*?)(?=\b(?:left|inner|join|where|order|for)\b|$)/gs;
  const all = [...statement.matchAll(joins)];
  if (all.length !== [...statement.matchAll(/\bjoin\b/g)].length) return false;
  return all.every(([, table = '', alias = table, how, condition = '']) => {
    const names =
      how === 'using' ? condition.matchAll(/(\w+)/g) : condition.matchAll(new RegExp(`\\b${alias}\\.(\\w+)`, 'g'));
    return coversKey(
      keys.get(table),
      [...names].map(([, column]) => column ?? ''),
    );
  });
}

function coversKey(keys: readonly (readonly string[])[] | undefined, columns: readonly string[]): boolean {
  return (keys ?? []).some((key) => key.every((column) => columns.includes(column)));
}

/** The statement with what stands in parentheses and begins with select left out. */
function withoutSubselects(statement: string): string {
  let text = '';
  for (let at = 0; at < statement.length; at += 1) {
    if (/^\(\s*select\b/.test(statement.slice(at, at + 40))) {
      for (let depth = 0; at < statement.length; at += 1) {
        if (statement[at] === '(') depth += 1;
        if (statement[at] === ')') depth -= 1;
        if (depth === 0) break;
      }
    } else text += statement[at];
  }
  return text;
}
