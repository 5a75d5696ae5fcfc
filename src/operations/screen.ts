/** Colours of the terminal, handed in: a program, a pipe and NO_COLOR get plain text. */
export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';
export type Paint = (style: Style, text: string) => string;

export type Cell = string | number | bigint | null | { readonly text: string; readonly style: Style };

/** Longer texts are cut on the screen; --json has them whole. */
const cellTextMax = 72;
const indent = '  ';

/**
 * Aligned columns under their titles, two blanks in. A title that begins with `>` is aligned to the right. Nothing but
 * a dash where there are no rows.
 */
export function table(titles: readonly string[], rows: readonly (readonly Cell[])[], paint: Paint): string {
  if (rows.length === 0) return `${indent}${paint('dim', '-')}`;
  const texts = rows.map((row) => row.map(textOf));
  const names = titles.map((title) => title.replace(/^>/, ''));
  const widths = names.map((name, column) => Math.max(name.length, ...texts.map((row) => lengthOf(row[column] ?? ''))));
  const head = paint('dim', alignedRow(names, titles, widths));
  const body = rows.map((row, index) =>
    alignedRow(texts[index] ?? [], titles, widths, (text, column) => {
      const cell = row[column];
      return typeof cell === 'object' && cell !== null ? paint(cell.style, text) : text;
    }),
  );
  return [head, ...body].map((line) => `${indent}${line}`.trimEnd()).join('\n');
}

function alignedRow(
  texts: readonly string[],
  titles: readonly string[],
  widths: readonly number[],
  dress: (text: string, column: number) => string = (text) => text,
): string {
  const cells = texts.map((text, column) => {
    const blanks = ' '.repeat(Math.max(0, (widths[column] ?? 0) - lengthOf(text)));
    const dressed = text === '' ? '' : dress(text, column);
    return titles[column]?.startsWith('>') === true ? `${blanks}${dressed}` : `${dressed}${blanks}`;
  });
  return cells.join('  ').trimEnd();
}

/** Pairs of a name and what stands beside it. Pairs with null are left out. */
export function facts(pairs: readonly (readonly [string, string | null])[], paint: Paint): string {
  const shown = pairs.filter(([, text]) => text !== null);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  return shown.map(([name, text]) => `${paint('dim', name.padEnd(width))}  ${text}`).join('\n');
}

/** A title above its content. */
export function section(title: string, content: string, paint: Paint): string {
  return `\n${paint('bold', title)}\n${content}`;
}

/**
 * A text from outside as one line that cannot steer the terminal: control and formatting characters, line breaks among
 * them, are shown as a replacement mark.
 */
export function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{fffd}');
}

function textOf(cell: Cell): string {
  const text = oneLine(cell === null ? '' : typeof cell === 'object' ? cell.text : String(cell));
  const characters = [...text];
  return characters.length <= cellTextMax ? text : `${characters.slice(0, cellTextMax - 1).join('')}…`;
}

function lengthOf(text: string): number {
  return [...text].length;
}

/** `1 unit`, `2 units`. */
export function counted(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`;
}

/** `2026-10-10 12:00:00`, always UTC. */
export function instant(at: Date): string {
  return at.toISOString().slice(0, 19).replace('T', ' ');
}

/** `4.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`: the two largest units, for people. */
export function span(durationMs: number): string {
  const ms = Math.max(0, Math.round(durationMs));
  if (ms < 1_000) return `${ms} ms`;
  const tenths = Math.floor(ms / 100);
  if (ms < 10_000) return `${Math.floor(tenths / 10)}.${tenths % 10} s`;
  const seconds = Math.floor(ms / 1_000);
  if (seconds < 60) return `${seconds} s`;
  const [minutes, hours, days] = [Math.floor(seconds / 60), Math.floor(seconds / 3_600), Math.floor(seconds / 86_400)];
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  if (hours < 24) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return hours % 24 === 0 ? `${days} d` : `${days} d ${hours % 24} h`;
}

/** How long ago, or in what time: `3 s ago`, `in 5 min`. */
export function when(at: Date, now: Date): string {
  const aheadMs = at.getTime() - now.getTime();
  return aheadMs > 0 ? `in ${span(aheadMs)}` : `${span(-aheadMs)} ago`;
}
