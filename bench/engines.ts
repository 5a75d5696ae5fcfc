import type { Engine } from './engine.ts';
import { openGraphile } from './engine-graphile.ts';
import { openOurEngine } from './engine-ours.ts';
import { openPgBoss } from './engine-pgboss.ts';
import { dropDatabase, type Ground, makeDatabase, settle } from './ground.ts';
import { pause } from './load.ts';
import { median, shown } from './percentiles.ts';
import type { Section } from './section.ts';
import { wantAtLeast, wantAtMost } from './want.ts';

const ratioWanted = 5;
const commitsWanted = 1.5;
const p50WantedMs = 15;
const pacePerSecond = 50;
const warmUpSagas = 200;

type Measured = { readonly name: string; readonly perSecond: number; readonly commitsPerSaga: number };

/** Sagas a second: our worker beside the same saga over the job queues that a team would take instead. */
export async function measureEngines(ground: Ground): Promise<Section> {
  const names = ['bench_engine_ours', 'bench_engine_one', 'bench_engine_chained', 'bench_engine_pgboss'] as const;
  const [ours, one, chained, pgboss] = names;
  const engines: Engine[] = [];
  try {
    const own = await openOurEngine(ours, await makeDatabase(ground, ours, 'furnished'));
    engines.push(own.engine);
    engines.push(await openGraphile(one, await makeDatabase(ground, one, 'empty'), 'one job'));
    engines.push(await openGraphile(chained, await makeDatabase(ground, chained, 'empty'), 'chained'));
    engines.push(await openPgBoss(pgboss, await makeDatabase(ground, pgboss, 'empty')));
    const measured = await inTurns(ground, engines);
    const paced = await own.atPace(pacePerSecond, Math.max(2, ground.pace.secondsPerRun * 2));
    for (const engine of engines) await engine.check();
    return section(ground, measured, paced);
  } finally {
    for (const engine of engines) await engine.close();
    for (const name of names) await dropDatabase(ground, name);
  }
}

/** One engine after the other, in as many rounds as there are, each second round backwards. */
async function inTurns(ground: Ground, engines: readonly Engine[]): Promise<Measured[][]> {
  const counts = new Map<Engine, number>();
  for (const engine of engines) {
    const { perSecond } = await drainOnce(ground, engine, warmUpSagas);
    counts.set(engine, Math.ceil(perSecond * ground.pace.secondsPerRun));
  }
  const rounds: Measured[][] = [];
  for (let round = 0; round < ground.pace.rounds; round += 1) {
    const found = new Map<Engine, Measured>();
    for (const engine of round % 2 === 0 ? engines : engines.toReversed()) {
      found.set(engine, await drainOnce(ground, engine, counts.get(engine) ?? warmUpSagas));
    }
    rounds.push(engines.map((engine) => found.get(engine) as Measured));
  }
  return rounds;
}

async function drainOnce(ground: Ground, engine: Engine, count: number): Promise<Measured> {
  await engine.fill(count);
  await settle(ground.database);
  const before = await commitsIn(ground, engine);
  const { tookMs, looks } = await engine.drain();
  const commits = Number((await commitsIn(ground, engine)) - before) - looks;
  return { name: engine.name, perSecond: (count * 1000) / tookMs, commitsPerSaga: commits / count };
}

/** What the server has counted for the database. Sessions report within a second of their last statement. */
async function commitsIn(ground: Ground, engine: Engine): Promise<bigint> {
  await pause(1_100);
  const rows = await ground.database.query<{ commits: bigint }>({
    text: 'select xact_commit as commits from pg_stat_database where datname = $1',
    values: [engine.databaseName],
  });
  return rows[0]?.commits ?? 0n;
}

function section(ground: Ground, rounds: readonly Measured[][], paced: { p50: number; p95: number; p99: number }) {
  const first = rounds[0] ?? [];
  const summaries = first.map(({ name }, index) => ({
    name,
    perSecond: median(rounds.map((round) => round[index]?.perSecond ?? Number.NaN)),
    commitsPerSaga: median(rounds.map((round) => round[index]?.commitsPerSaga ?? Number.NaN)),
  }));
  const ratios = rounds.map(([ours, ...others]) => {
    return (ours?.perSecond ?? Number.NaN) / Math.max(...others.map(({ perSecond }) => perSecond));
  });
  const stepwise = rounds.map(([ours, _one, ...others]) => {
    return (ours?.perSecond ?? Number.NaN) / Math.max(...others.map(({ perSecond }) => perSecond));
  });
  const [ours] = summaries;
  const best = Math.max(...summaries.slice(1).map(({ perSecond }) => perSecond));
  const found: Section = {
    name: 'engines',
    title: 'The saga engine, beside the same saga over job queues',
    columns: ['', 'sagas/s', 'commits a saga', 'of the best queue'],
    rows: summaries.map(({ name, perSecond, commitsPerSaga }) => [
      name,
      shown(perSecond),
      shown(commitsPerSaga),
      shown(perSecond / best),
    ]),
    wants: [
      wantAtLeast('sagas, of the best queue', ratioWanted, median(ratios)),
      wantAtLeast('sagas, of the best queue with a job for each step', ratioWanted, median(stepwise)),
      wantAtMost('commits a saga when busy', commitsWanted, ours?.commitsPerSaga ?? Number.NaN),
      wantAtMost(`p50 at ${pacePerSecond} sagas a second`, p50WantedMs, paced.p50, ' ms'),
    ],
    notes: [
      `Reserve, authorise, confirm, over a provider in the same process that answers at once. A backlog is made,
      then the engine is started and drains it; counted from its start to the end of the last saga.
      ${ground.pace.rounds} rounds of some ${ground.pace.secondsPerRun} s for each engine on the same server, each
      with 16 connections.`,
      `Ours is the real worker with everything that it writes: the fraud screen, the intent before the call, the steps,
      audit entries, events, their timeline. Over the queues it is the least that has the effect: one statement per step
      and the next job in its transaction, nothing else.`,
      `graphile-worker takes and ends jobs in batches (localQueue, completeJobBatchDelay). pg-boss fetches again at once
      rather than twice a second, and ends jobs in batches. Commits are those that the server counted for the
      database of the engine.`,
      `At ${pacePerSecond} sagas a second ours takes ${shown(paced.p50)} ms (p50), ${shown(paced.p95)} ms (p95) and
      ${shown(paced.p99)} ms (p99) from the commit of the order to its confirmation, by the clock of the server.`,
    ],
    figures: { summaries, ratios, stepwise, paced },
  };
  return found;
}
