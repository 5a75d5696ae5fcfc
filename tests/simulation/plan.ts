import { requestFaults, webhookFaults } from '../../simulators/payment-provider/fault-names.ts';
import type { FaultOrder } from '../../simulators/payment-provider/faults.ts';
import type { FraudRules } from '../../src/fraud/rules.ts';
import type { QueueSettings } from '../../src/messaging/queues.ts';
import type { PaymentTimings } from '../../src/payments/timings.ts';
import { type Chance, chanceOf } from './chance.ts';
import type { SeedSku } from './seed-rows.ts';

/** What happens to the way between a process and the database, per exchange, while faults are in force. */
export type LineFaults = {
  /** The connection is lost, and the exchange with it or its answer only. */
  readonly lostBefore: number;
  readonly lostAfter: number;
  /** The same of commits, where nobody can know. */
  readonly commitLostBefore: number;
  readonly commitLostAfter: number;
  /** How long the server needs to notice that a connection is gone; until then its transaction holds its locks. */
  readonly noticedAfterMs: number;
  /** The server refuses: it gave in to a deadlock, has no connection left, or cancelled a statement that took long. */
  readonly deadlock: number;
  readonly full: number;
  readonly cancelled: number;
  /** A worker's word that it is still at its messages is lost. */
  readonly heartbeatLost: number;
  /** An exchange takes long. */
  readonly slow: number;
  readonly slowMsMax: number;
};

export type ProcessFault = {
  readonly role: 'api' | 'worker' | 'sweeper';
  readonly index: number;
  /** Killed, or stopped and continued; at a time, or before or after so many exchanges with the outside. */
  readonly how: 'kill' | 'freeze';
  readonly when: { readonly atMs: number } | { readonly exchange: number; readonly side: 'before' | 'after' };
  /** How long it is frozen, or until another one of its kind is started. */
  readonly durationMs: number;
};

export type Person = 'accepts' | 'refuses' | 'forgets' | 'says both';

/** All that a world is, by its seed: how it is furnished, and what is done to it. The rest is played, not planned. */
export type Plan = {
  readonly seed: number;
  readonly skus: readonly SeedSku[];
  readonly buyers: number;
  readonly processes: { readonly api: number; readonly worker: number; readonly sweeper: number };
  readonly queue: Omit<QueueSettings, 'why'>;
  readonly pollMs: number;
  readonly feedPollMs: number;
  readonly sweepEveryMs: number;
  readonly timings: PaymentTimings;
  /** How long an order may take before it goes back, wait for a person, and settle. */
  readonly patience: { readonly withinMs: number; readonly reviewWithinMs: number; readonly settleWithinMs: number };
  readonly providerDeadlineMs: number;
  readonly rules: FraudRules;
  readonly remoteScreen: boolean;
  readonly person: Person;
  /** Faults are in force from the beginning until then; buyers go on until they know. */
  readonly faultsEndMs: number;
  /** One way to the database, in good times. */
  readonly latencyMsMax: number;
  readonly line: LineFaults;
  readonly processFaults: readonly ProcessFault[];
  readonly restarts: readonly { readonly atMs: number; readonly durationMs: number }[];
  readonly hintsLost: number;
  /** Whether messages that are due are taken in any order: the queue promises none. */
  readonly reorders: boolean;
  readonly tokens: readonly string[];
  readonly providerFaults: readonly (FaultOrder & { readonly fromMs: number })[];
  readonly webhookStorm: number;
  readonly market: readonly MarketChange[];
  readonly habits: Habits;
};

export type MarketChange = {
  readonly atMs: number;
  readonly change: 'price' | 'count' | 'withdraw' | 'offer';
  readonly sku: string;
  readonly by: number;
};

/** How often a buyer does what buyers should not do, or does it in a hurry. */
export type Habits = {
  readonly doubleClick: number;
  readonly secondTab: number;
  readonly changesMind: number;
  readonly cancels: number;
  readonly reusesKey: number;
  readonly givesUp: number;
  readonly waitsForOutcome: number;
  readonly repliesLost: number;
};

export function planOf(seed: number): Plan {
  const chance = chanceOf(seed).fork('plan');
  // Each world has some kinds of trouble and not others: all at once would hide what one alone brings about.
  const has = (probability: number): boolean => chance.happens(probability);
  const skus = drawSkus(chance.fork('skus'));
  const faultsEndMs = chance.magnitude(3_000, 240_000);
  const isQuick = has(0.6);
  // Orders that go back while their payment is on its way: the hardest hour of the saga.
  const isHasty = has(0.5);
  // Workers that are slower than their leases, so that two are at one message.
  const isStale = has(0.25);
  const troubles = troublesOf({ mayActTwice: has(0.5), isSlow: isHasty || isStale });
  return {
    seed,
    skus,
    // Mostly few: more worlds a minute, and what is found in one is easier to read.
    buyers: chance.magnitude(1, 8),
    processes: { api: chance.between(1, 2), worker: chance.between(1, 2), sweeper: chance.between(1, 2) },
    queue: { ...drawQueue(chance.fork('queue')), ...(isStale ? { leaseMs: 800 } : {}) },
    pollMs: isStale ? 400 : chance.pick([1_000, 5_000, 20_000, 20_000]),
    feedPollMs: chance.pick([1_000, 10_000, 20_000, 20_000]),
    sweepEveryMs: isHasty ? 2_000 : chance.pick([2_000, 15_000, 30_000, 30_000]),
    timings: isQuick
      ? { checkAfterMs: 15_000, absentAfterMs: 12_000, lookAgainAfterMs: 90_000 }
      : { checkAfterMs: 60_000, absentAfterMs: 30_000, lookAgainAfterMs: 15 * 60_000 },
    patience: {
      withinMs: isHasty ? chance.pick([500, 2_000, 5_000]) : chance.pick([8_000, 40_000, 300_000]),
      reviewWithinMs: chance.pick([20_000, 72 * 60 * 60_000]),
      settleWithinMs: chance.pick([60_000, 600_000]),
    },
    providerDeadlineMs: isStale ? chance.pick([2_000, 10_000]) : chance.pick([800, 3_000, 10_000]),
    rules: drawRules(chance.fork('rules')),
    remoteScreen: has(0.15),
    person: chance.pick(['accepts', 'accepts', 'refuses', 'forgets', 'says both'] as const),
    faultsEndMs,
    latencyMsMax: chance.pick([1, 2, 2, 15]),
    line: { ...drawLine(chance.fork('line')), heartbeatLost: isStale ? chance.pick([0.7, 1]) : 0 },
    processFaults: has(0.6) ? drawProcessFaults(chance.fork('processes'), faultsEndMs) : [],
    restarts: has(0.15) ? [{ atMs: chance.between(0, faultsEndMs), durationMs: chance.magnitude(100, 20_000) }] : [],
    hintsLost: has(0.3) ? chance.pick([0.1, 0.5, 1]) : 0,
    reorders: has(0.5),
    tokens: drawTokens(chance.fork('tokens'), troubles, isHasty || isStale),
    providerFaults: has(0.5) ? drawProviderFaults(chance.fork('provider'), faultsEndMs, troubles) : [],
    webhookStorm: has(0.25) ? chance.pick([0.2, 1]) : 0,
    market: has(0.5) ? drawMarket(chance.fork('market'), skus, faultsEndMs) : [],
    habits: drawHabits(chance.fork('habits')),
  };
}

function drawSkus(chance: Chance): SeedSku[] {
  const names = ['APPLE', 'BEET', 'CORN'].slice(0, chance.between(1, 3));
  return names.map((sku) => ({ sku, units: chance.magnitude(2, 60), priceMinor: chance.pick([255, 999, 2_450]) }));
}

/** Small leases and few attempts, so that both run out; and the real ones. */
function drawQueue(chance: Chance): Plan['queue'] {
  return {
    concurrency: chance.pick([1, 2, 8]),
    leaseMs: chance.pick([800, 3_000, 15_000, 30_000]),
    attemptsMax: chance.pick([3, 5, 20]),
    backoffBaseMs: chance.pick([50, 250]),
    backoffCapMs: chance.pick([1_000, 20_000]),
  };
}

function drawRules(chance: Chance): FraudRules {
  const isStrict = chance.happens(0.4);
  return {
    holdAboveMinor: isStrict ? 3_000n : 500_000n,
    refuseAboveMinor: isStrict ? 9_000n : 5_000_000n,
    holdFromOrdersPerHour: isStrict ? 4 : 20,
    refuseFromOrdersPerHour: isStrict ? 8 : 100,
    countryMismatchFromMinor: isStrict ? 1_500n : 50_000n,
  };
}

function drawLine(chance: Chance): Omit<LineFaults, 'heartbeatLost'> {
  const rate = (worlds: number, ...rates: number[]): number => (chance.happens(worlds) ? chance.pick(rates) : 0);
  return {
    lostBefore: rate(0.3, 0.005, 0.03),
    lostAfter: rate(0.3, 0.005, 0.03),
    commitLostBefore: rate(0.25, 0.02, 0.1),
    commitLostAfter: rate(0.25, 0.02, 0.1),
    noticedAfterMs: chance.pick([0, 0, 5, 2_000, 15_000]),
    deadlock: rate(0.2, 0.01, 0.05),
    full: rate(0.15, 0.01, 0.05),
    cancelled: rate(0.15, 0.01),
    slow: rate(0.3, 0.01, 0.05),
    slowMsMax: chance.pick([50, 1_000, 12_000]),
  };
}

function drawProcessFaults(chance: Chance, faultsEndMs: number): ProcessFault[] {
  return Array.from({ length: chance.between(1, 5) }, () => {
    const how = chance.pick(['kill', 'kill', 'freeze'] as const);
    const isAtExchange = chance.happens(0.6);
    return {
      role: chance.pick(['worker', 'worker', 'worker', 'api', 'sweeper'] as const),
      index: chance.between(0, 1),
      how,
      when: isAtExchange
        ? { exchange: chance.magnitude(5, 300), side: chance.pick(['before', 'after'] as const) }
        : { atMs: chance.between(0, faultsEndMs) },
      durationMs: how === 'kill' ? chance.magnitude(50, 30_000) : chance.magnitude(500, 45_000),
    };
  });
}

type Operation = 'authorise' | 'find' | 'void' | 'webhook';
/** The faults of the provider that a world may have, by what is asked of it. */
type Troubles = { readonly [Of in Operation]: readonly FaultOrder['fault'][] };

/**
 * A provider that authorises twice, answers in good order and never sends its webhook leaves no trace that anybody but
 * reconciliation could find (docs/decisions/0013): a world has the one or the other. One that will not give money back
 * says so for ever: that is for a person, and for no world that must end.
 */
function troublesOf({ mayActTwice, isSlow }: { mayActTwice: boolean; isSlow: boolean }): Troubles {
  const late = ['act_late', 'act_twice', 'decline'];
  return {
    authorise: requestFaults.filter((fault) => {
      return (mayActTwice || fault !== 'act_twice') && (!isSlow || actsUnseen.includes(fault));
    }),
    find: requestFaults.filter((fault) => !late.includes(fault)),
    void: requestFaults.filter((fault) => !['act_twice', 'decline'].includes(fault)),
    webhook: webhookFaults.filter((fault) => !mayActTwice || fault !== 'never'),
  };
}

/** The money may be there, and we do not know it yet. */
const actsUnseen: readonly string[] = [
  'slow',
  'answer_late',
  'act_late',
  'act_and_cut',
  'fail_after',
  'nonsense',
  'act_twice',
];

/** Mostly cards that pay; with them come the faults of the provider, often one for each thing that it is asked. */
function drawTokens(chance: Chance, troubles: Troubles, isSlow: boolean): string[] {
  const heads = ['tok_ok', 'tok_ok', 'tok_ok', 'tok_ok', 'tok_ok', 'tok_card_declined'];
  const troubled = isSlow ? 0.9 : chance.pick([0, 0.3, 0.7, 0.9]);
  return Array.from({ length: 6 }, () => {
    const operations = (Object.keys(troubles) as Operation[]).filter(() => chance.happens(troubled));
    const faults = operations.map((operation) => drawFault(chance, operation, chance.pick(troubles[operation])));
    return [chance.pick(heads), ...faults].join('.');
  });
}

function drawFault(chance: Chance, operation: Operation, fault: FaultOrder['fault']): string {
  const isTimed = ['slow', 'act_late', 'answer_late', 'late', 'reordered'].includes(fault);
  const ms = isTimed ? `_${chance.magnitude(20, lateMsMax)}` : '';
  const times = chance.happens(0.4) ? `x${chance.magnitude(2, 30)}` : '';
  return `${operation}:${fault}${ms}${times}`;
}

/** Longer than any deadline of a call, shorter than the time after which the provider is asked for the last time. */
const lateMsMax = 60_000;

function drawProviderFaults(chance: Chance, faultsEndMs: number, troubles: Troubles): Plan['providerFaults'] {
  return Array.from({ length: chance.between(1, 4) }, () => {
    const operation = chance.pick(Object.keys(troubles) as Operation[]);
    return {
      operation,
      fault: chance.pick(troubles[operation]),
      times: chance.magnitude(1, 12),
      fromMs: chance.between(0, faultsEndMs),
      parameters: { ms: chance.magnitude(20, lateMsMax), retry_after_s: chance.between(0, 20) },
    };
  });
}

function drawMarket(chance: Chance, skus: readonly SeedSku[], faultsEndMs: number): MarketChange[] {
  const kinds = ['price', 'price', 'count', 'count', 'withdraw', 'offer'] as const;
  return Array.from({ length: chance.between(1, 6) }, () => ({
    atMs: chance.between(0, Math.min(faultsEndMs, 20_000)),
    change: chance.pick(kinds),
    sku: chance.pick(skus).sku,
    by: chance.between(0, 30),
  }));
}

function drawHabits(chance: Chance): Habits {
  const rate = (worlds: number, ...rates: number[]): number => (chance.happens(worlds) ? chance.pick(rates) : 0);
  return {
    doubleClick: rate(0.4, 0.3, 1),
    secondTab: rate(0.5, 0.5, 1),
    changesMind: rate(0.5, 0.3, 0.8),
    cancels: rate(0.3, 0.2, 0.5),
    reusesKey: rate(0.2, 0.3),
    givesUp: rate(0.15, 0.2),
    waitsForOutcome: rate(0.4, 0.5),
    repliesLost: rate(0.4, 0.05, 0.3),
  };
}
