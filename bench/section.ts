/** What one file of this folder found: a table with its notes, and the same figures for programs. */
export type Section = {
  /** The word after `npm run bench --`. */
  readonly name: string;
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** Sentences: what the numbers mean and what they do not. */
  readonly notes: readonly string[];
  readonly figures: Readonly<Record<string, unknown>>;
};

/** The section as it is shown on a terminal: columns aligned, numbers to the right. */
export function renderSection(section: Section): string {
  const widths = section.columns.map((column, index) =>
    Math.max(column.length, ...section.rows.map((row) => (row[index] ?? '').length)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join('  ');
  const rule = widths.map((width) => '─'.repeat(width)).join('──');
  return [section.title, rule, line(section.columns), rule, ...section.rows.map(line), rule, ''].join('\n');
}

/** The section as a part of a page. */
export function sectionPage(section: Section): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const marks = section.columns.map((_, index) => (index === 0 ? '---' : '---:'));
  const table = [line(section.columns), line(marks), ...section.rows.map(line)];
  // A note may be written over several lines.
  const notes = section.notes.map((note) => `- ${note.replaceAll(/\s+/g, ' ')}`);
  return [`## ${section.title}`, '', `\`npm run bench -- ${section.name}\``, '', ...table, '', ...notes, ''].join('\n');
}
