import type { Fault, FaultKind } from './proxy.ts';

/** Who needs whom: each pair has a proxy between it. */
export const dependencies = [
  'buyer → API',
  'API → PostgreSQL',
  'worker → PostgreSQL',
  "worker's hints → PostgreSQL",
  'sweeper → PostgreSQL',
  'worker → payment provider',
  'payment provider → API',
] as const;
export type Dependency = (typeof dependencies)[number];

/** How long each fault is in force. Silence must last longer than the limits that are to notice it. */
export const faultMs: Readonly<Record<FaultKind, number>> = {
  // Longer than a buyer waits for an outcome, so that answers, and the webhooks of what was late, come by.
  latency: 1_900,
  reset: 900,
  'black hole': 3_300,
  refuse: 900,
  'slow close': 3_300,
  'cut mid-reply': 1_900,
};

/** The fault in its strength. The answers of a database are short: they are cut in their first bytes. */
export function faultOf(kind: FaultKind, dependency: Dependency, random: () => number): Fault {
  switch (kind) {
    case 'latency':
      return { kind, delayMs: 40, jitterMs: 30 };
    case 'cut mid-reply':
      return { kind, afterBytes: 1 + Math.floor(random() * (dependency.endsWith('PostgreSQL') ? 20 : 250)) };
    default:
      return { kind };
  }
}

/** Limits of the parts of a lane: those of production would need a fault of a minute for what these show in seconds. */
export const limits = {
  database: { statementTimeoutMs: 600, connectTimeoutMs: 1_000 },
  providerTotalMs: 900,
  leaseMs: 2_500,
  webhookRetryMs: 150,
  /**
   * Beside the wait for an outcome. Shorter than a black hole, so that an API that hangs is seen; longer than two
   * statements that time out one after the other, which is the most that a request waits for.
   */
  buyerTimeoutMs: 2_000,
  probeMs: 1_500,
} as const;
