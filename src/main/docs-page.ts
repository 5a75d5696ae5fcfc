/** The first lines of a generated page. */
export function head(title: string, madeFrom: string, introduction: string): string {
  return `# ${title}\n\n<!-- Made from ${madeFrom} by \`npm run docs\`. Change it there. -->\n\n${introduction}\n`;
}

/** A Markdown table. Cells are text; a bar inside a cell is escaped. */
export function table(titles: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) =>
    `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)].join('\n');
}

/** `1500` as `1.5 s`, for people. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${ms} ms`;
  if (ms < 120_000) return `${ms / 1_000} s`;
  return ms < 7_200_000 ? `${ms / 60_000} min` : `${ms / 3_600_000} h`;
}
