import { shown } from './percentiles.ts';

/** A figure that was wanted beforehand, beside the one that was had. One that is missed is shown like any other. */
export type Want = {
  readonly what: string;
  readonly wanted: string;
  readonly had: string;
  readonly isReached: boolean;
};

export function wantAtLeast(what: string, wanted: number, had: number, unit = ''): Want {
  return { what, wanted: `≥ ${plain(wanted)}${unit}`, had: `${shown(had)}${unit}`, isReached: had >= wanted };
}

export function wantAtMost(what: string, wanted: number, had: number, unit = ''): Want {
  return { what, wanted: `≤ ${plain(wanted)}${unit}`, had: `${shown(had)}${unit}`, isReached: had <= wanted };
}

function plain(value: number): string {
  return String(value);
}

/** The rows of the table of what was wanted. */
export function wantRows(wants: readonly Want[]): string[][] {
  return wants.map(({ what, wanted, had, isReached }) => [what, wanted, had, isReached ? 'yes' : 'no']);
}

export const wantColumns = ['', 'wanted', 'had', 'reached'] as const;
