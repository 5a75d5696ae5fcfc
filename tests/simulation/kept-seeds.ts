import { appendFileSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export type KeptSeed = { readonly seed: number; readonly commit: string; readonly found: string };

const file = fileURLToPath(new URL('seeds.txt', import.meta.url));

/** Seeds whose worlds once broke a promise: `seed commit what it found`, one a line. They are played for ever. */
export function keptSeeds(): KeptSeed[] {
  return parseSeeds(readFileSync(file, 'utf8'));
}

export function parseSeeds(text: string): KeptSeed[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [, seed, commit, found] = /^(\d+) (\S+) (.+)$/.exec(line) ?? [];
      if (seed === undefined || commit === undefined || found === undefined) throw new Error(`not a seed: ${line}`);
      return { seed: Number(seed), commit, found };
    });
}

/** Keeps a seed that has just broken a promise, unless it is kept already. */
export function keepSeed({ seed, commit, found }: KeptSeed): void {
  if (keptSeeds().some((kept) => kept.seed === seed)) return;
  appendFileSync(file, `${seed} ${commit} ${found.replaceAll('\n', ' ').slice(0, 300)}\n`);
}
