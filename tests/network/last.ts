import type { CellResult } from './cell.ts';
import { faultsOfCell } from './expected.ts';
import { faultKinds } from './proxy.ts';

/** The last full run in which every cell held, as tests/network/last.json keeps it. */
export type LastMatrix = { readonly seed: number; readonly cells: readonly KeptCell[] };

export type KeptCell = Pick<
  CellResult,
  'dependency' | 'failure' | 'journey' | 'met' | 'first' | 'end' | 'hits' | 'tries' | 'answeredMs' | 'restMs'
>;

export function keptOf(results: readonly CellResult[]): KeptCell[] {
  return results.map(({ dependency, failure, journey, met, first, end, hits, tries, answeredMs, restMs }) => {
    return { dependency, failure, journey, met, first, end, hits, tries, answeredMs, restMs };
  });
}

/** Figures of the part by name. A recovery is a cell whose fault hit something and that ended as if it had not. */
export function figuresOfCells(results: readonly CellResult[]): Record<string, number> {
  const hit = results.filter(({ hits }) => hits > 0);
  const hitsOf = (kind: string): number =>
    results.filter(({ failure }) => failure === kind).reduce((sum, { hits }) => sum + hits, 0);
  return {
    cells: results.length,
    operations: results.reduce((sum, { operations }) => sum + operations, 0),
    'cells that were hit': hit.length,
    ...Object.fromEntries(faultKinds.map((kind) => [`faults by ${kind}`, hitsOf(kind)])),
    recoveries: hit.filter((cell) => faultsOfCell(cell).length === 0).length,
    'acknowledged orders': results.filter(({ end }) => !end.endsWith('no order')).length,
    'kinds of failures': new Set(hit.map(({ failure }) => failure)).size,
    'kinds of dependencies': new Set(hit.map(({ dependency }) => dependency)).size,
  };
}
