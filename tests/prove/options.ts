import { parseArgs } from 'node:util';
import type { Scale } from './part.ts';

export type ProveOptions = {
  readonly only: readonly string[];
  readonly seed: number | null;
  readonly scale: Scale;
  readonly isList: boolean;
};

export type Misused = { readonly misused: string };

const seedMax = 2 ** 31 - 1;

/** How the command is to be used. */
export function usageOf(names: readonly string[]): string {
  return `npm run prove                               all parts, in under 25 minutes on two cores
npm run prove -- --only NAME,…              some of them: ${names.join(', ') || 'there are none yet'}
npm run prove -- --seed N                   the choices of an earlier run again
npm run prove -- --scale bounded            a bounded piece of each part, as at every change
npm run prove -- --list                     says what the parts try
`;
}

/** The options of the command line, or what is wrong with them. */
export function optionsOf(argv: readonly string[], names: readonly string[]): ProveOptions | Misused {
  const parsed = parsedArguments(argv);
  if ('misused' in parsed) return parsed;
  const only = (parsed.only ?? '').split(',').map((name) => name.trim());
  const wanted = parsed.only === undefined ? [] : only;
  const unknown = wanted.filter((name) => !names.includes(name));
  if (unknown.length > 0) return { misused: `There is no part ${unknown.map((name) => `"${name}"`).join(', ')}.` };
  const { scale = 'full', seed } = parsed;
  if (scale !== 'full' && scale !== 'bounded') return { misused: `The scale is full or bounded, not "${scale}".` };
  if (seed !== undefined && !(/^\d{1,10}$/.test(seed) && Number(seed) <= seedMax)) {
    return { misused: `A seed is a whole number from 0 to ${seedMax}, not "${seed}".` };
  }
  return { only: wanted, seed: seed === undefined ? null : Number(seed), scale, isList: parsed.list === true };
}

type Parsed = { only?: string; seed?: string; scale?: string; list?: boolean };

function parsedArguments(argv: readonly string[]): Parsed | Misused {
  try {
    const text = { type: 'string' } as const;
    const options = { only: text, seed: text, scale: text, list: { type: 'boolean' } } as const;
    return parseArgs({ args: [...argv], options, allowPositionals: false }).values;
  } catch (error) {
    return { misused: error instanceof Error ? `${error.message.split('. ')[0]}.` : String(error) };
  }
}
