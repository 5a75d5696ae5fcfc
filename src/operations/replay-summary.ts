import { counted } from './screen.ts';

/** How one planned order went, as its buyer saw it. */
export type Outcome =
  /** The order is committed; how it ends is asked for later. */
  | { readonly outcome: 'committed'; readonly checkoutId: string; readonly isSettled: boolean }
  /** Understood and declined with a code of the shop. */
  | { readonly outcome: 'refused'; readonly code: string }
  /** A cancellation of the file, done. */
  | { readonly outcome: 'cancelled' }
  /** No answer in all tries: it may or may not have been done. */
  | {
      readonly outcome: 'unknown';
      readonly during: 'create' | 'update' | 'complete' | 'cancel';
      readonly reason: string;
    };

/** How a committed order ended: the code says why it was cancelled. */
export type Ending =
  | { readonly ending: 'confirmed' | 'open' }
  | { readonly ending: 'cancelled'; readonly code: string };

/** Counts while the replay runs. Grows with the number of orders only by their durations. */
export type ReplayTally = {
  ended: number;
  checkoutsCreated: number;
  committed: number;
  cancelled: number;
  retries: number;
  readonly refused: Map<string, number>;
  readonly unknown: Map<string, number>;
  /** Of complete, from the first try to the final answer. */
  readonly completeMs: number[];
};

export type ReplaySummary = {
  readonly planned: number;
  readonly ended: number;
  /** Why it ended before the plan did, else null. */
  readonly stoppedBecause: string | null;
  readonly checkoutsCreated: number;
  readonly committed: number;
  readonly cancelled: number;
  readonly refused: Readonly<Record<string, number>>;
  readonly unknown: Readonly<Record<string, number>>;
  readonly retries: number;
  readonly durationMs: number;
  readonly ordersPerSecond: number;
  readonly completeMs: { readonly p50: number; readonly p95: number; readonly p99: number };
  readonly endings: {
    readonly confirmed: number;
    readonly open: number;
    readonly cancelled: Readonly<Record<string, number>>;
  };
};

export function newTally(): ReplayTally {
  return {
    ended: 0,
    checkoutsCreated: 0,
    committed: 0,
    cancelled: 0,
    retries: 0,
    refused: new Map(),
    unknown: new Map(),
    completeMs: [],
  };
}

export function countOutcome(tally: ReplayTally, outcome: Outcome): void {
  tally.ended += 1;
  if (outcome.outcome === 'committed') tally.committed += 1;
  else if (outcome.outcome === 'cancelled') tally.cancelled += 1;
  else if (outcome.outcome === 'refused') increment(tally.refused, outcome.code);
  else increment(tally.unknown, `${outcome.during}: ${outcome.reason}`);
}

export function summarise(
  tally: ReplayTally,
  run: { planned: number; durationMs: number; stoppedBecause: string | null; endings: readonly Ending[] },
): ReplaySummary {
  const sorted = tally.completeMs.toSorted((left, right) => left - right);
  const cancelled = new Map<string, number>();
  for (const ending of run.endings) if (ending.ending === 'cancelled') increment(cancelled, ending.code);
  return {
    planned: run.planned,
    ended: tally.ended,
    stoppedBecause: run.stoppedBecause,
    checkoutsCreated: tally.checkoutsCreated,
    committed: tally.committed,
    cancelled: tally.cancelled,
    refused: mostFirst(tally.refused),
    unknown: mostFirst(tally.unknown),
    retries: tally.retries,
    durationMs: run.durationMs,
    ordersPerSecond: run.durationMs === 0 ? 0 : (tally.committed * 1_000) / run.durationMs,
    completeMs: { p50: percentile(sorted, 50), p95: percentile(sorted, 95), p99: percentile(sorted, 99) },
    endings: {
      confirmed: run.endings.filter((each) => each.ending === 'confirmed').length,
      open: run.endings.filter((each) => each.ending === 'open').length,
      cancelled: mostFirst(cancelled),
    },
  };
}

/** 0 when every order has a known outcome; 1 when one has not, when the replay got nowhere, or could not go on. */
export function replayExitCode(summary: ReplaySummary): number {
  const isUnsure = Object.keys(summary.unknown).length > 0;
  const gotNowhere = summary.planned > 0 && summary.checkoutsCreated === 0;
  const couldNotGoOn = summary.stoppedBecause !== null && summary.stoppedBecause !== interrupted;
  const endedEarly = summary.ended < summary.planned && summary.committed === 0;
  return isUnsure || gotNowhere || couldNotGoOn || endedEarly ? 1 : 0;
}

/** Why a replay ended early that somebody stopped. */
export const interrupted = 'interrupted';

/** The value below or at which so many percent of the sorted numbers lie (nearest rank); 0 of none. */
export function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? 0;
}

/** One line: a bar, and what there was so far. */
export function renderProgress(tally: ReplayTally, planned: number, elapsedMs: number): string {
  const width = 24;
  const filled = planned === 0 ? width : Math.floor((tally.ended * width) / planned);
  const perSecond = elapsedMs === 0 ? 0 : Math.round((tally.ended * 1_000) / elapsedMs);
  const refused = total(tally.refused);
  const unknown = total(tally.unknown);
  return (
    `[${'#'.repeat(filled)}${'.'.repeat(width - filled)}] ${tally.ended}/${planned} · ${perSecond}/s · ` +
    `${tally.committed} committed · ${refused} refused · ${tally.cancelled} cancelled` +
    `${unknown === 0 ? '' : ` · ${unknown} unknown`}`
  );
}

/** The summary for people, with a line break at its end. */
export function renderReplay(summary: ReplaySummary): string {
  const { completeMs, endings } = summary;
  const seconds = Math.round(summary.durationMs / 100) / 10;
  const lines = [
    `Replayed ${summary.ended} of ${counted(summary.planned, 'invoice')} in ${seconds} s: ` +
      `${round(summary.ordersPerSecond)} orders/s, ${summary.retries} ${summary.retries === 1 ? 'retry' : 'retries'}.`,
    ...(summary.stoppedBecause === null ? [] : [`Stopped early: ${summary.stoppedBecause}.`]),
    `  checkouts created  ${summary.checkoutsCreated}`,
    `  orders committed   ${summary.committed}`,
    `  cancelled          ${summary.cancelled}`,
    `  refused            ${renderCounts(summary.refused)}`,
    `  unknown            ${renderCounts(summary.unknown)}`,
    `  complete took      ${renderPercentiles(completeMs)}`,
    `Orders now: ${endings.confirmed} confirmed, ${renderCounts(endings.cancelled)} cancelled, ` +
      `${endings.open} still open.`,
  ];
  return `${lines.join('\n')}\n`;
}

function renderPercentiles(ms: ReplaySummary['completeMs']): string {
  return `p50 ${round(ms.p50)} · p95 ${round(ms.p95)} · p99 ${round(ms.p99)} ms`;
}

function renderCounts(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts);
  const sum = entries.reduce((all, [, count]) => all + count, 0);
  return entries.length === 0 ? '0' : `${sum} (${entries.map(([code, count]) => `${code} ${count}`).join(', ')})`;
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((all, count) => all + count, 0);
}

function mostFirst(counts: ReadonlyMap<string, number>): Record<string, number> {
  return Object.fromEntries([...counts].sort(([, left], [, right]) => right - left));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
