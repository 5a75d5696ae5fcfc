import { toError } from '../../src/shared/failure.ts';
import { pick, randomFrom } from '../harness/world.ts';
import { type Cell, type CellResult, runCell } from './cell.ts';
import { dependencies } from './dependencies.ts';
import { faultsOfCell } from './expected.ts';
import { journeys } from './journeys.ts';
import { type Lane, openLane } from './lane.ts';
import { faultKinds } from './proxy.ts';

/** Every dependency with every failure and every journey. */
export const allCells: readonly Cell[] = dependencies.flatMap((dependency) =>
  faultKinds.flatMap((failure) => journeys.map((journey) => ({ dependency, failure, journey }))),
);

/**
 * So many cells, chosen by the seed, among them every dependency, every failure and every journey at least once. The
 * failures are as many as each other: of one cell alone the journey may not go the way that is broken.
 */
export function sampleOf(seed: number, count: number): Cell[] {
  const random = randomFrom(seed);
  const left = [...allCells];
  const chosen: Cell[] = [];
  const isNew = (cell: Cell): number =>
    (['dependency', 'failure', 'journey'] as const).filter((axis) => chosen.every((each) => each[axis] !== cell[axis]))
      .length;
  const timesOf = (cell: Cell): number => chosen.filter((each) => each.failure === cell.failure).length;
  while (chosen.length < count && left.length > 0) {
    const most = Math.max(...left.map(isNew));
    const newest = left.filter((each) => isNew(each) === most);
    const fewest = Math.min(...newest.map(timesOf));
    const cell = pick(
      random,
      newest.filter((each) => timesOf(each) === fewest),
    );
    left.splice(left.indexOf(cell), 1);
    chosen.push(cell);
  }
  return chosen;
}

export type MatrixOptions = {
  readonly adminUrl: string;
  readonly cells: readonly Cell[];
  readonly seed: number;
  readonly lanes: number;
  readonly progress: (line: string) => void;
};

export type Ran = { readonly results: readonly CellResult[]; readonly broken: readonly string[] };

/** Runs the cells on so many lanes at once, each with a database of its own: a cell mostly waits. */
export async function runMatrix(options: MatrixOptions): Promise<Ran> {
  const queue = options.cells.map((cell, index) => ({ cell, seed: options.seed + index }));
  const results: CellResult[] = [];
  const broken: string[] = [];
  const lanes = Math.min(options.lanes, queue.length);
  // One after the other: to make databases at once only takes longer.
  let opening: Promise<unknown> = Promise.resolve();
  const openNext = (seed: number): Promise<Lane> => {
    const opened = opening.then(() => openLane({ adminUrl: options.adminUrl, seed }));
    opening = opened.catch(() => {});
    return opened;
  };
  async function runLane(seed: number): Promise<void> {
    const lane = await openNext(seed);
    const known = new Set<string>();
    try {
      for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
        const name = `${next.cell.dependency}, ${next.cell.failure}, ${next.cell.journey}`;
        try {
          const result = await runCell(lane, next.cell, next.seed, known);
          results.push(result);
          const faults = faultsOfCell(result);
          broken.push(...faults.map((fault) => `${name}: ${fault}`));
        } catch (thrown) {
          broken.push(`${name}: ${toError(thrown).message}`);
          await lane.proxies[next.cell.dependency].heal();
        }
        options.progress(`${results.length} of ${options.cells.length} cells, ${broken.length} broken: ${name}`);
      }
    } finally {
      await lane.stop();
    }
  }
  await Promise.all(Array.from({ length: lanes }, (_, index) => runLane(options.seed + 1_000 * index)));
  const order = new Map(allCells.map((cell, index) => [keyOf(cell), index]));
  results.sort((a, b) => (order.get(keyOf(a)) ?? 0) - (order.get(keyOf(b)) ?? 0));
  return { results, broken };
}

const keyOf = ({ dependency, failure, journey }: Cell): string => `${dependency} ${failure} ${journey}`;
