import { Bug } from '../../src/shared/assert.ts';
import type { Chance } from './chance.ts';
import type { LineFaults } from './plan.ts';
import { connectionLost, type Exchange, type Line } from './store/memory-pool.ts';
import { failWith } from './store/sql-error.ts';
import type { Result } from './store/store.ts';
import { inShort } from './trace.ts';
import type { Process, World } from './world.ts';

/** The way of a process to the database: it takes time, and while faults are in force it may fail at every point. */
export function lineOf(world: World, process: Process, chance: Chance): Line {
  async function serveAndNote(exchange: Exchange, serve: () => Promise<Result>): Promise<Result> {
    try {
      const result = await serve();
      world.note(process.name, `${exchange.name} ${inShort(exchange.values)} = ${result.rowCount}`);
      world.watch(exchange, result);
      return result;
    } catch (error) {
      world.note(process.name, `${exchange.name} ${inShort(exchange.values)} failed: ${wordsOf(error)}`);
      throw error;
    }
  }
  return {
    async carry(exchange, serve) {
      await process.mayGoOn('before');
      const { line } = world.plan;
      await world.time.wait(
        chance.happens(world.hasFaults() ? line.slow : 0)
          ? slowMs(world, line, chance)
          : chance.between(0, world.plan.latencyMsMax),
      );
      // What was sent arrives, or not, whatever has become of the sender.
      if (process.isDead && chance.happens(0.5)) await forEver();
      const fault = drawFault(world, exchange, line, chance);
      if (fault !== null) world.hit(fault === 'heartbeat' ? 'heartbeat:lost' : `database:${fault}`);
      refuse(fault);
      if (fault === 'lost-before' || fault === 'commit-lost-before' || fault === 'heartbeat') throw connectionLost();
      const result = await serveAndNote(exchange, serve);
      if (fault === 'lost-after' || fault === 'commit-lost-after') throw connectionLost();
      if (chance.happens(0.2)) await world.time.wait(1);
      await process.mayGoOn('after');
      return exchange.name === 'take_messages' ? reordered(world, result, chance) : result;
    },
    hangUp(notice) {
      const { noticedAfterMs } = world.plan.line;
      if (noticedAfterMs === 0 || !world.hasFaults()) notice();
      else world.time.after(noticedAfterMs, notice);
    },
  };
}

/** The statement that takes messages does not say in which order it gives them. */
function reordered(world: World, result: Result, chance: Chance): Result {
  if (!world.plan.reorders || result.rows.length < 2) return result;
  world.hit('message:reordered');
  const rows = [...result.rows];
  for (let at = rows.length - 1; at > 0; at -= 1) {
    const other = chance.between(0, at);
    [rows[at], rows[other]] = [rows[other] as object, rows[at] as object];
  }
  return { ...result, rows };
}

type LineFault =
  | 'away'
  | 'full'
  | 'deadlock'
  | 'cancelled'
  | 'heartbeat'
  | 'lost-before'
  | 'lost-after'
  | 'commit-lost-before'
  | 'commit-lost-after';

function drawFault(world: World, exchange: Exchange, line: LineFaults, chance: Chance): LineFault | null {
  if (world.isAway()) return 'away';
  if (!world.hasFaults()) return null;
  const isCommit = exchange.does === 'commit';
  const rates: readonly (readonly [LineFault, number])[] = isCommit
    ? [
        ['commit-lost-before', line.commitLostBefore],
        ['commit-lost-after', line.commitLostAfter],
      ]
    : [
        ['lost-before', line.lostBefore],
        ['lost-after', line.lostAfter],
        ['full', exchange.does === 'begin' ? line.full : 0],
        ['deadlock', exchange.does === 'statement' ? line.deadlock : 0],
        ['cancelled', exchange.does === 'statement' ? line.cancelled : 0],
      ];
  if (exchange.name === 'renew_leases' && chance.happens(line.heartbeatLost)) return 'heartbeat';
  let share = chance.share();
  for (const [fault, rate] of rates) {
    if (share < rate) return fault;
    share -= rate;
  }
  return null;
}

function refuse(fault: LineFault | null): void {
  if (fault === 'away') throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
  if (fault === 'full') throw failWith('too_many_connections', 'sorry, too many clients already');
  if (fault === 'deadlock') throw failWith('deadlock_detected', 'deadlock detected');
  if (fault === 'cancelled') throw failWith('query_canceled', 'canceling statement due to statement timeout');
}

function slowMs(world: World, line: LineFaults, chance: Chance): number {
  world.hit('database:slow');
  return chance.magnitude(5, line.slowMsMax);
}

export function forEver(): Promise<never> {
  return new Promise(() => {});
}

function wordsOf(error: unknown): string {
  if (error instanceof Bug) throw error;
  return error instanceof Error ? error.message : String(error);
}
