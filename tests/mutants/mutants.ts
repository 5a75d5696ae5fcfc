import { knownMutants } from './known.ts';
import type { Mutant } from './mutant.ts';
import { moneyMutants } from './own-money.ts';
import { workMutants } from './own-work.ts';

/** All mutants, those of the known bugs first. */
export const mutants: readonly Mutant[] = [...knownMutants, ...moneyMutants, ...workMutants];
