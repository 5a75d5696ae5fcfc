import type { Running } from './running.ts';

/** What a statement gives back: its rows, or the number of rows that it changed. */
export type StatementResult = object[] | number;

/** A named statement of the project, as a function over the tables. */
export type Statement = (run: Running, values: readonly unknown[]) => StatementResult;

export type Statements = Readonly<Record<string, Statement>>;

/** Gives the values of a statement their types: those with which its .sql.ts function hands them in. */
export function statement<Values extends readonly unknown[]>(
  of: (run: Running, values: Values) => StatementResult,
): Statement {
  return (run, values) => of(run, values as unknown as Values);
}

/** A JSON text as jsonb gives it back. It is frozen, because every reader gets the same object. */
export function jsonOf<Value = unknown>(text: unknown): Value {
  return frozen(JSON.parse(String(text))) as Value;
}

function frozen(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  for (const member of Object.values(value)) frozen(member);
  return Object.freeze(value);
}

/** `now() + interval` of so many milliseconds. */
export function later(now: Date, durationMs: number | bigint): Date {
  return new Date(now.getTime() + Number(durationMs));
}

/** An int8 parameter, which may be handed in as a number or as text. */
export function int8(value: bigint | number | string): bigint {
  return BigInt(value);
}

export const byTime = (left: Date, right: Date): number => left.getTime() - right.getTime();
export const byText = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);
