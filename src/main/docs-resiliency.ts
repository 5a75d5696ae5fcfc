import type { KeptCell, LastMatrix } from '../../tests/network/last.ts';
import { head, table } from './docs-page.ts';

/** docs/resiliency-matrix.md: what a buyer saw and what was true afterwards, for each way and each way to break it. */
export function resiliencyPage(last: LastMatrix | null): string {
  const introduction = [
    'Between every two parts of a shop stands a proxy that breaks the way between them, while a buyer is on a journey:',
    '',
    ...Object.entries(failures).map(([name, says]) => `- **${name}**: ${says}`),
    '',
    'The buyer asks again under the same key until there is an answer. Then the way is healed, the shop comes',
    'to rest, and every judge of [the promises](promises.md) looks at it. A cell says what the buyer met',
    'before an answer, the answers, and what became of the order. `503` came in time and with Retry-After;',
    '`lost` is a connection that broke; `silence` is longer than the buyer waits; `in progress` is the answer',
    'of an order that is committed and under way. Whatever is broken, it ends as in a shop that is well, and',
    'in each cell a neighbour who needs nothing of what is broken is served meanwhile. A cell is in brackets',
    'where nobody came by the broken way. What must be seen stands in',
    '[`tests/network/expected.ts`](../tests/network/expected.ts).',
  ].join('\n');
  const page = head('Resiliency matrix', '`tests/network/last.json`', introduction);
  if (last === null) return `${page}\nNo full run is on record: \`npm run prove -- --only network\` makes one.\n`;
  const journeys = [...new Set(last.cells.map(({ journey }) => journey))];
  const rows = groupedBy(last.cells, ({ dependency, failure }) => `${dependency}\n${failure}`).map((cells) => {
    const [{ dependency, failure }] = cells as [KeptCell];
    const hits = cells.reduce((sum, cell) => sum + cell.hits, 0);
    const seen = journeys.map((journey) => textOf(cells.find((cell) => cell.journey === journey)));
    return [dependency, failure, hits, ...seen];
  });
  return [page, summaryOf(last), '', table(['way', 'failure', 'hits', ...journeys], rows), ''].join('\n');
}

const failures: Readonly<Record<KeptCell['failure'], string>> = {
  latency: 'everything comes later, by a time that varies.',
  reset: 'connections are answered with RST.',
  'black hole': 'connections are taken and nothing is ever answered.',
  refuse: 'nobody listens.',
  'slow close': 'what was connected writes to nobody and is not told; new connections pass.',
  'cut mid-reply': 'some bytes of an answer arrive, and then the connection breaks.',
};

function textOf(cell: KeptCell | undefined): string {
  if (cell === undefined) return '';
  const { met, first, end, hits } = cell;
  const before = met.length === 0 ? [] : [met.join(' and ')];
  const text = [...before, ...(first === 'complete_in_progress' ? ['in progress'] : []), end].join(', then ');
  return hits === 0 ? `(${text})` : text;
}

function summaryOf({ seed, cells }: LastMatrix): string {
  const sum = (of: (cell: KeptCell) => number): number => cells.reduce((total, cell) => total + of(cell), 0);
  const hit = cells.filter(({ hits }) => hits > 0).length;
  const longest = Math.max(...cells.map(({ answeredMs }) => answeredMs));
  const rest = Math.max(...cells.map(({ restMs }) => restMs));
  return [
    `All ${cells.length} cells held in the last full run (seed ${seed}). In ${hit} of them the fault hit something,`,
    `${sum(({ hits }) => hits)} times in all, under ${sum(({ tries }) => tries)} calls of buyers. The longest wait for`,
    `an answer was ${seconds(longest)} s, and the longest for rest after healing ${seconds(rest)} s.`,
  ].join('\n');
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(1);

function groupedBy<T>(items: readonly T[], key: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) groups.set(key(item), [...(groups.get(key(item)) ?? []), item]);
  return [...groups.values()];
}
