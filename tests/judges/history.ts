import type { ClientCall } from './evidence.ts';

export type CallBegun = Omit<ClientCall, 'number' | 'outcome' | 'begunWhenEnded'>;

/**
 * What every client of a run was told. A call is written before it is made; its end is written when it ended. Any
 * number of clients of one process write to one history.
 */
export type History = {
  /** Writes the call down, and gives back how to write its end; only the first end counts. */
  begin(call: CallBegun): (outcome: ClientCall['outcome']) => void;
  /** All calls so far, in the order of their beginning. One that has not ended is unknown. */
  calls(): readonly ClientCall[];
};

export function createHistory(): History {
  const begun: CallBegun[] = [];
  const ends = new Map<number, Pick<ClientCall, 'outcome' | 'begunWhenEnded'>>();
  return {
    begin(call) {
      const number = begun.push(call);
      return (outcome) => {
        if (!ends.has(number)) ends.set(number, { outcome, begunWhenEnded: begun.length });
      };
    },
    calls() {
      return begun.map((call, index) => ({ ...call, number: index + 1, ...(ends.get(index + 1) ?? notEnded) }));
    },
  };
}

const notEnded = { outcome: { kind: 'unknown', reason: 'it has not ended' } } as const;
