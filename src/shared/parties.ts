/** A number and why it is that number. */
type Reasoned = { readonly value: number; readonly why: string };

/**
 * How we treat one outside party. Every call out of the process goes to a party of this table, under its limits; the
 * outbound client (outbound.ts) keeps them, and docs/parties.md is rendered from here.
 */
export type Party = {
  /** What it is to us. */
  readonly purpose: string;
  /** Ports that an address of it may have. Where it is reached on loopback, any port is allowed. */
  readonly ports: readonly number[];
  readonly connectTimeoutMs: Reasoned;
  readonly headersTimeoutMs: Reasoned;
  /** From the call to the last byte of the answer, waiting in our own queue included. */
  readonly totalTimeoutMs: Reasoned;
  readonly requestBytesMax: Reasoned;
  readonly responseBytesMax: Reasoned;
  readonly concurrencyMax: Reasoned;
  readonly queueMax: Reasoned;
  readonly breakerFailurePercent: Reasoned;
  readonly breakerWindowMs: Reasoned;
  readonly breakerCallsMin: Reasoned;
  readonly breakerOpenMs: Reasoned;
  /** Second tries of a call that certainly never left, per hundred calls. */
  readonly retryPercentMax: Reasoned;
};

export const parties = {
  'payment-provider': {
    purpose: 'Authorises, captures, voids and refunds; says what became of a call whose answer was lost.',
    ports: [443],
    connectTimeoutMs: { value: 2_000, why: 'Two lost SYN packets; a provider that is up accepts within 200 ms.' },
    headersTimeoutMs: {
      value: 9_000,
      why: 'Card issuers are known to take several seconds; 9 s leaves 1 s for the body.',
    },
    totalTimeoutMs: {
      value: 10_000,
      why: 'After it the outcome is unknown and is asked for; a buyer waits for an outcome 30 s at the most.',
    },
    requestBytesMax: { value: 16_384, why: 'Our requests are under 1 kB; more is a fault of ours.' },
    responseBytesMax: {
      value: 262_144,
      why: 'An authorisation is under 1 kB, a list of those under one key has a few.',
    },
    concurrencyMax: {
      value: 64,
      why: 'At 200 ms a call it carries 320 calls a second from one process; a slow provider takes no more sockets.',
    },
    queueMax: {
      value: 128,
      why: 'Two rounds of the calls in flight; what waits longer is better off in the durable queue.',
    },
    breakerFailurePercent: { value: 50, why: 'Half of the calls failing is an outage and not bad luck.' },
    breakerWindowMs: { value: 10_000, why: 'Long enough to see 20 calls in a quiet hour, short enough to react.' },
    breakerCallsMin: { value: 20, why: 'A few failures in a quiet moment must not stop payments.' },
    breakerOpenMs: {
      value: 2_000,
      why: 'One probe every 2 s: the provider gets rest, and we notice soon that it is back.',
    },
    retryPercentMax: { value: 10, why: 'Second tries add a tenth to the load of a party in trouble, never double it.' },
  },
} as const satisfies Readonly<Record<string, Party>>;

export type PartyName = keyof typeof parties;

const limitTitles = {
  connectTimeoutMs: 'Connect timeout, ms',
  headersTimeoutMs: 'First byte timeout, ms',
  totalTimeoutMs: 'Whole call timeout, ms',
  requestBytesMax: 'Request at most, bytes',
  responseBytesMax: 'Answer at most, bytes',
  concurrencyMax: 'Calls at once, per process',
  queueMax: 'Calls waiting, per process',
  breakerFailurePercent: 'Breaker opens above, % failed',
  breakerWindowMs: 'Breaker window, ms',
  breakerCallsMin: 'Breaker needs at least, calls',
  breakerOpenMs: 'Breaker probes after, ms',
  retryPercentMax: 'Second tries at most, % of calls',
} as const satisfies Partial<Record<keyof Party, string>>;

/** The table as Markdown, one section for each party. */
export function partiesAsMarkdown(table: Readonly<Record<string, Party>> = parties): string {
  return Object.entries(table)
    .map(([name, party]) => {
      const rows = Object.entries(limitTitles).map(([limit, title]) => {
        const { value, why } = party[limit as keyof typeof limitTitles];
        return `| ${title} | ${value} | ${why} |`;
      });
      const ports = `| Ports | ${party.ports.join(', ')} | An address with any other port is refused. |`;
      return [
        `## ${name}`,
        '',
        party.purpose,
        '',
        '| Limit | Value | Why |',
        '| --- | ---: | --- |',
        ports,
        ...rows,
      ].join('\n');
    })
    .join('\n\n');
}
