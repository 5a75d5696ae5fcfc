import { type Import, importsOf } from './imports.ts';
import { costOf, type Finding, groupedBy, isServer, type Project, roomOf } from './project.ts';

type Arrow = { readonly from: string; readonly to: string; readonly line: number };

/** The rows of the table under the heading `Arrows`: which room may use which other room's files that have a cost. */
function arrowsOf(project: Project): Arrow[] {
  const lines = project.find(({ path }) => path === 'ARCHITECTURE.md')?.text.split('\n') ?? [];
  const begin = lines.findIndex((line) => /^## Arrows\b/.test(line));
  if (begin === -1) return [];
  const after = lines.slice(begin + 1).findIndex((line) => line.startsWith('## '));
  const end = after === -1 ? lines.length : begin + 1 + after;
  return lines.slice(begin, end).flatMap((line, offset): Arrow[] => {
    const row = /^\| `([\w-]+)` \| `([\w-]+)` \| \S/.exec(line);
    return row ? [{ from: row[1] ?? '', to: row[2] ?? '', line: begin + offset + 1 }] : [];
  });
}

/** Imports of another room's files that cost something. */
export function costlyCrossings(project: Project): Import[] {
  return importsOf(project, isServer).filter(({ from, target }) => {
    if (target === null || !target.startsWith('src/') || costOf(target) === 'pure') return false;
    const [own, other] = [roomOf(from), roomOf(target)];
    return own !== other && own !== 'main' && other !== 'shared';
  });
}

export function offTheArrows(project: Project): Finding[] {
  const arrows = arrowsOf(project);
  return costlyCrossings(project).flatMap(({ from, target, line }): Finding[] => {
    const [own, other] = [roomOf(from), roomOf(target ?? '')];
    if (arrows.some((arrow) => arrow.from === own && arrow.to === other)) return [];
    const instead = `use a pure file of ${other}, or add the arrow with its reason to ARCHITECTURE.md`;
    return [{ path: from, line, problem: `${own} reaches into ${target} off the arrows`, instead }];
  });
}

export function unusedArrows(project: Project): Finding[] {
  const used = new Set(costlyCrossings(project).map(({ from, target }) => `${roomOf(from)} ${roomOf(target ?? '')}`));
  return arrowsOf(project)
    .filter(({ from, to }) => !used.has(`${from} ${to}`))
    .map(({ from, to, line }) => {
      return {
        path: 'ARCHITECTURE.md',
        line,
        problem: `nothing goes from ${from} to ${to}`,
        instead: 'take the arrow out',
      };
    });
}

type Edge = { readonly from: string; readonly to: string; readonly line: number; readonly path: string };

/** Each circle once, at the import that closes it. */
export function circles(edges: readonly Edge[]): Finding[] {
  const findings: Finding[] = [];
  const outgoing = groupedBy(edges, ({ from }) => from);
  const settled = new Set<string>();
  const trail: string[] = [];
  for (const { from } of edges) visit(from);
  return findings;

  function visit(node: string): void {
    if (settled.has(node)) return;
    trail.push(node);
    const seen = new Set<string>();
    for (const { to, line, path } of outgoing.get(node) ?? []) {
      if (seen.has(to)) continue;
      seen.add(to);
      const back = trail.indexOf(to);
      if (back === -1) visit(to);
      else
        findings.push({
          path,
          line,
          problem: `a circle: ${[...trail.slice(back), to].join(' → ')}`,
          instead: 'turn one import round, or move what both need into a file of its own',
        });
    }
    trail.pop();
    settled.add(node);
  }
}
