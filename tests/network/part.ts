import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generatedFiles } from '../../src/main/docs.ts';
import { silentLogger } from '../../src/shared/log.ts';
import { startEmbeddedPostgres } from '../../src/shared/postgres/embedded.ts';
import { isCannotStart } from '../../src/shared/postgres/embedded-fault.ts';
import { testFolderPrefix } from '../harness/test-folder.ts';
import { judgedUnplanted } from '../judges/judges.ts';
import type { Part, PartReport, Scale } from '../prove/part.ts';
import { unmet } from './expected.ts';
import { figuresOfCells, keptOf, type LastMatrix } from './last.ts';
import { allCells, type Ran, runMatrix, sampleOf } from './matrix.ts';
import { faultKinds } from './proxy.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const cellsOfBounded = 24;
const lanesMax = 8;

/** The resiliency matrix: what a buyer sees, and what is true afterwards, when a way between two parts is broken. */
export const networkPart: Part = {
  name: 'network',
  tries: 'breaks the way between every two parts in every way, under every journey of a buyer',
  async run({ scale, seed, progress }) {
    progress('starting PostgreSQL');
    const dataDir = await mkdtemp(join(tmpdir(), `${testFolderPrefix}${process.pid}-`));
    const server = await startEmbeddedPostgres({ dataDir, durable: false, log: silentLogger });
    try {
      if (isCannotStart(server)) throw new Error(`${server.message} ${server.next}`);
      const cells = scale === 'full' ? allCells : sampleOf(seed, cellsOfBounded);
      const ran = await runMatrix({ adminUrl: server.url, cells, seed, lanes: lanesMax, progress });
      const report = reportOf(ran, seed, scale);
      const holds = report.violations.length === 0 && report.floors.every(({ least, had }) => had >= least);
      if (scale === 'full' && holds) await keep({ seed, cells: keptOf(ran.results) });
      return report;
    } finally {
      if (!isCannotStart(server)) await server.stop({ immediately: true });
      await rm(dataDir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    }
  },
};

/** What the judges found, what the buyers met, and what was hit, as a report. */
export function reportOf({ results, broken }: Ran, seed: number, scale: Scale): PartReport {
  const figures = figuresOfCells(results);
  const missed = scale === 'full' ? unmet(results) : [];
  const least =
    scale === 'full'
      ? { cells: allCells.length, hit: 220, orders: 168, hitsOfEach: 60 }
      : { cells: cellsOfBounded, hit: 15, orders: 8, hitsOfEach: 1 };
  const floors = {
    cells: least.cells,
    'cells that were hit': least.hit,
    recoveries: least.hit,
    'acknowledged orders': least.orders,
    'kinds of failures': 6,
    'kinds of dependencies': 7,
    ...Object.fromEntries(faultKinds.map((kind) => [`faults by ${kind}`, least.hitsOfEach])),
  };
  return {
    seed,
    figures,
    judged: judgedUnplanted,
    floors: Object.entries(floors).map(([figure, floor]) => ({ figure, least: floor, had: figures[figure] ?? 0 })),
    violations: [...broken, ...missed].map((says) => {
      const promise = Number(/: promise (\d+),/.exec(says)?.[1] ?? 5);
      return { promise, subject: 'a cell', says, where: `seed ${seed}` };
    }),
  };
}

/** The figures for programs, and the page that shows them. */
async function keep(last: LastMatrix): Promise<void> {
  const cells = last.cells.map((cell) => `    ${JSON.stringify(cell)}`).join(',\n');
  const text = `{\n  "seed": ${last.seed},\n  "cells": [\n${cells}\n  ]\n}\n`;
  await writeFile(join(root, 'tests/network/last.json'), text);
  const page = (await generatedFiles(root)).get('docs/resiliency-matrix.md');
  if (page !== undefined) await writeFile(join(root, 'docs/resiliency-matrix.md'), page);
}
