import { type Want, wantColumns, wantRows } from './want.ts';

/** What one file of this folder found: a table with its notes, and the same figures for programs. */
export type Section = {
  /** The word after `npm run bench --`. */
  readonly name: string;
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly wants: readonly Want[];
  /** Sentences: what the numbers mean and what they do not. */
  readonly notes: readonly string[];
  readonly figures: Readonly<Record<string, unknown>>;
};

/** The section as it is shown on a terminal: columns aligned, numbers to the right. */
export function renderSection(section: Section): string {
  const tables = [renderTable(section.columns, section.rows)];
  if (section.wants.length > 0) tables.push(renderTable(wantColumns, wantRows(section.wants)));
  return [section.title, ...tables].join('\n');
}

function renderTable(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...rows.map((row) => (row[index] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join('  ');
  const rule = widths.map((width) => '─'.repeat(width)).join('──');
  return [rule, line(columns), rule, ...rows.map(line), rule, ''].join('\n');
}

/** The section as a part of a page. */
export function sectionPage(section: Section): string {
  // A note may be written over several lines.
  const notes = section.notes.map((note) => `- ${note.replaceAll(/\s+/g, ' ')}`);
  const tables = [table(section.columns, section.rows), ''];
  // A section that was kept from an earlier version has none.
  const wants = section.wants ?? [];
  if (wants.length > 0) tables.push(table(wantColumns, wantRows(wants)), '');
  return [`## ${section.title}`, '', `\`npm run bench -- ${section.name}\``, '', ...tables, ...notes, ''].join('\n');
}

function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const marks = columns.map((_, index) => (index === 0 ? '---' : '---:'));
  return [line(columns), line(marks), ...rows.map(line)].join('\n');
}
