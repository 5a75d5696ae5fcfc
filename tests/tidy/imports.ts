import { dirname, join } from 'node:path/posix';
import { lineOf, type Project, type ProjectFile, scanOf } from './project.ts';

export type Import = {
  readonly from: string;
  readonly line: number;
  readonly specifier: string;
  /** The path of the file in the project, or null of a package. */
  readonly target: string | null;
  readonly names: readonly string[];
  readonly typesOnly: boolean;
};

/** Every import and re-export of the files, static and dynamic. */
export function importsOf(project: Project, wanted: (path: string) => boolean): Import[] {
  return project.filter(({ path }) => wanted(path)).flatMap(importsOfFile);
}

function importsOfFile(file: ProjectFile): Import[] {
  const { code, literals } = scanOf(file);
  const statements = /\b(?:import|export)\b(\s+type\b)?((?:\s|[\w$*,{}])*?)\bfrom\s*['"]|\bimport\s*\(?\s*['"]/g;
  return [...code.matchAll(statements)].flatMap((match): Import[] => {
    const quote = match.index + match[0].length - 1;
    const specifier = literals.find(({ start }) => start === quote)?.text;
    if (specifier === undefined) return [];
    const names = [...(match[2] ?? '').replace(/[{}]/g, ',').split(',')].map((name) => name.trim()).filter(Boolean);
    const typesOnly = match[1] !== undefined || (names.length > 0 && names.every((name) => name.startsWith('type ')));
    const target = specifier.startsWith('.') ? join(dirname(file.path), specifier) : null;
    const line = lineOf(file.text, match.index);
    return [{ from: file.path, line, specifier, target, names, typesOnly }];
  });
}
