/**
 * A state machine as data: what may follow what, and why. One table per machine; tests check it for states that
 * nothing reaches and for dead ends, and the diagrams in the docs are generated from it.
 */
export type Machine<State extends string> = {
  readonly name: string;
  readonly initial: State;
  /** States that are an end. Every other state must lead on. */
  readonly final: readonly State[];
  readonly transitions: { readonly [From in State]: { readonly [To in State]?: string } };
};

export function mayFollow<State extends string>(machine: Machine<State>, from: State, to: State): boolean {
  return machine.transitions[from][to] !== undefined;
}

/** What is wrong with a machine, in words; empty when every state is reachable and every path can end. */
export function faultsOf<State extends string>(machine: Machine<State>): string[] {
  const states = Object.keys(machine.transitions) as State[];
  const faults: string[] = [];
  const reachable = closure([machine.initial], (state) => nextOf(machine, state));
  const canEnd = closure(machine.final, (state) => states.filter((from) => mayFollow(machine, from, state)));
  for (const state of states) {
    if (!reachable.has(state)) faults.push(`${machine.name}: nothing leads to ${state}`);
    if (!canEnd.has(state)) faults.push(`${machine.name}: ${state} never leads to an end`);
    const isFinal = machine.final.includes(state);
    if (!isFinal && nextOf(machine, state).length === 0) faults.push(`${machine.name}: ${state} is a dead end`);
  }
  return faults;
}

/** The machine as a Mermaid state diagram. */
export function diagramOf<State extends string>(machine: Machine<State>): string {
  const lines = ['stateDiagram-v2', '  direction LR', `  [*] --> ${machine.initial}`];
  for (const from of Object.keys(machine.transitions) as State[]) {
    for (const to of nextOf(machine, from)) lines.push(`  ${from} --> ${to}: ${machine.transitions[from][to]}`);
  }
  for (const state of machine.final) lines.push(`  ${state} --> [*]`);
  return lines.join('\n');
}

function nextOf<State extends string>(machine: Machine<State>, state: State): State[] {
  return Object.keys(machine.transitions[state]) as State[];
}

function closure<State>(start: readonly State[], next: (state: State) => readonly State[]): Set<State> {
  const seen = new Set(start);
  // A Set's iterator also visits what is added while it runs.
  for (const state of seen) for (const following of next(state)) seen.add(following);
  return seen;
}
