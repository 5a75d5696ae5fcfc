import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Scan, scan } from './scan.ts';

/** A file of the project as the rules see it: its path from the root, and its text unless it is binary or large. */
export type ProjectFile = { readonly path: string; readonly bytes: number; readonly text: string };
export type Project = readonly ProjectFile[];

/** A violation: where, and what to do instead. */
export type Finding = {
  readonly path: string;
  readonly line: number;
  readonly problem: string;
  readonly instead: string;
};

/**
 * A house rule that is checked. Its canary is a small project with planted violations: a check that does not find
 * exactly those, written `path:line`, is broken.
 */
export type Rule = {
  readonly name: string;
  readonly check: (project: Project) => Finding[];
  readonly canary: { readonly plant: Readonly<Record<string, string>>; readonly finds: readonly string[] };
};

const skippedFolders = new Set(['node_modules', '.git', '.onetill', 'dist', 'coverage']);
const textBytesMax = 1024 * 1024;
const textEndings = /\.(ts|mjs|js|json|md|sql|yml|yaml|txt|html|css|sh)$|(^|\/)(LICENSE|run|\.gitignore|\.npmrc)$/;

/** Every file under the root that is part of the project. */
export function readProject(root: string): Project {
  const files: ProjectFile[] = [];
  const folders = [''];
  for (const folder of folders) {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory() && !skippedFolders.has(entry.name)) folders.push(path);
      if (!entry.isFile() || entry.name.endsWith('.log')) continue;
      const bytes = statSync(join(root, path)).size;
      const isText = textEndings.test(path) && bytes <= textBytesMax;
      files.push({ path, bytes, text: isText ? readFileSync(join(root, path), 'utf8') : '' });
    }
  }
  return files.sort((left, right) => (left.path < right.path ? -1 : 1));
}

export function plantedProject(plant: Readonly<Record<string, string>>): Project {
  return Object.entries(plant).map(([path, text]) => ({ path, bytes: Buffer.byteLength(text), text }));
}

const scans = new WeakMap<ProjectFile, Scan>();

/** The file's code, comments and literals; scanned once however many rules ask. */
export function scanOf(file: ProjectFile): Scan {
  const known = scans.get(file);
  if (known !== undefined) return known;
  const fresh = scan(file.text);
  scans.set(file, fresh);
  return fresh;
}

export function lineOf(text: string, position: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at !== -1 && at < position; at = text.indexOf('\n', at + 1)) line += 1;
  return line;
}

export const isCode = (path: string): boolean => /\.(ts|mjs)$/.test(path);
export const isServer = (path: string): boolean => path.startsWith('src/') && path.endsWith('.ts') && !isTest(path);
export const isTest = (path: string): boolean => /\.test\.ts$/.test(path) || path.startsWith('tests/');
/** Files of others, kept as they came: protocol schemas, sample data, test vectors. */
export const isForeign = (path: string): boolean =>
  /^(data|tests\/vectors)\//.test(path) && path !== 'data/LICENCES.md';

export type Cost = 'pure' | 'sql' | 'http' | 'client' | 'run' | 'cli';

/** What the suffix says that a file costs, or null of a suffix that is not in the list. */
export function costOf(path: string): Cost | null {
  const name = path.slice(path.lastIndexOf('/') + 1).replace(/\.ts$/, '');
  const dot = name.indexOf('.');
  if (dot === -1) return 'pure';
  const suffix = name.slice(dot + 1);
  return suffix === 'sql' || suffix === 'http' || suffix === 'client' || suffix === 'run' || suffix === 'cli'
    ? suffix
    : null;
}

/** The room of a source file: the folder below `src/`. */
export function roomOf(path: string): string {
  return path.split('/')[1] ?? '';
}

export function groupedBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
