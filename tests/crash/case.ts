import type { ProcessKind } from '../harness/processes-asks.ts';
import { collectEvidence, fetchAuthorisations } from '../judges/collect.ts';
import type { ClientCall } from '../judges/evidence.ts';
import type { Violation } from '../judges/judge.ts';
import { judgeAll } from '../judges/judges.ts';
import { dumpStuck } from '../judges/stuck.ts';
import type { Tally } from './crash-point.ts';
import { deathsAt, type Lane, secrets } from './lane.ts';
import { peopleAt } from './people.ts';
import type { Case } from './plan.ts';
import { atRest } from './rest.ts';
import { endOf, openTill } from './till.ts';

export type CaseResult = {
  /** How often a process died where it was to die. */
  readonly deaths: number;
  /** How the journey ended; null if it did not. */
  readonly end: string | null;
  readonly tallies: Readonly<Record<ProcessKind, Tally>> | null;
  /** What the buyers were told. */
  readonly told: readonly ClientCall['outcome']['kind'][];
  readonly violations: readonly Violation[];
  /** What a person needs who looks for the cause; empty when all is well. */
  readonly log: string;
};

/** The number of what no judge judges: that the run itself is what it claims to be. */
export const runItself = 0;

/**
 * Goes a journey in a lane that is at rest: arms, goes, lets everything come to rest, and has all that the lane has
 * ever done judged, so that a case which does harm to the one before it is found too.
 */
export async function runCase(lane: Lane, { journey, point, deaths }: Case): Promise<CaseResult> {
  await lane.arm({ point, deaths, attemptsMax: journey.attemptsMax ?? null });
  const begunAtMs = Date.now();
  const before = lane.history.calls().length;
  const people = peopleAt(lane.database, journey.people ?? {});
  const found: Violation[] = [];
  let end: string | null = null;
  try {
    const { checkoutId, told } = await journey.go(openTill(lane));
    await atRest(lane);
    await people.goHome();
    end = await endOf(lane.database, checkoutId, told.outcome.kind === 'refused' ? told.outcome.code : null);
    if (!journey.ends.includes(end))
      found.push({ promise: 5, subject: `checkout ${checkoutId}`, says: `it ended: ${end}` });
  } catch (error) {
    await people.goHome().catch(() => {});
    const dump = await dumpStuck({ database: lane.database, processes: lane.processes() });
    found.push({ promise: 5, subject: journey.name, says: `${String(error)}; dumped into ${dump}` });
  }
  const tallies = await lane.tallies().catch(() => null);
  found.push(...(await judge(lane)), ...deathsByThemselves(lane), ...faultsSince(lane, begunAtMs));
  const told = lane.history
    .calls()
    .slice(before)
    .map(({ outcome }) => outcome.kind);
  return {
    deaths: deathsAt(point, lane.deaths()),
    end,
    tallies,
    told,
    violations: found,
    log: found.length === 0 ? '' : lane.logs(),
  };
}

async function judge(lane: Lane): Promise<Violation[]> {
  const theirs = await fetchAuthorisations(lane.providerUrl, secrets.controlSecret);
  return judgeAll(await collectEvidence(lane.database, { theirs, history: lane.history.calls() }));
}

/** A process that is not told to die lives. */
function deathsByThemselves(lane: Lane): Violation[] {
  return lane
    .deaths()
    .filter(({ lastWords }) => lastWords.length === 0)
    .map(({ kind, code, signal }) => {
      return { promise: runItself, subject: kind, says: `it ended by itself (${signal ?? code})` };
    });
}

/**
 * A handler or a request that failed by a fault of ours was tried again, and nobody would hear of it. A database that
 * has no time for us is no fault of ours.
 */
function faultsSince(lane: Lane, begunAtMs: number): Violation[] {
  const lines = lane
    .logs()
    .split('\n')
    .filter((line) => /"msg":"a (handler|request) failed"/.test(line));
  return lines.flatMap((line) => {
    const entry = parsed(line);
    if (entry === null || Date.parse(entry.time) < begunAtMs) return [];
    const { process, msg, error } = entry;
    return /timeout|connection/i.test(error.message)
      ? []
      : { promise: runItself, subject: process, says: `${msg}: ${error.message}` };
  });
}

/** Null of a line of which only the end was kept. */
function parsed(line: string): LogLine | null {
  try {
    return JSON.parse(line) as LogLine;
  } catch {
    return null;
  }
}

type LogLine = {
  readonly time: string;
  readonly process: string;
  readonly msg: string;
  readonly error: { readonly message: string };
};
