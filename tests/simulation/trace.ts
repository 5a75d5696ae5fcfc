import { createHash } from 'node:crypto';

/**
 * All that happened in a world, in order: every statement with its values and its end, every call out, every event. Two
 * runs of one seed have the same trace to the letter, so that its hash says whether a run was repeated.
 */
export type Trace = {
  line(at: number, who: string, what: string): void;
  hash(): string;
  /** The lines themselves, if they were to be kept. */
  readonly lines: readonly string[];
};

const chunkLines = 256;

export function newTrace(options: { readonly isKept: boolean }): Trace {
  const hash = createHash('sha256');
  const lines: string[] = [];
  const pending: string[] = [];
  return {
    lines,
    line(at, who, what) {
      const text = `${at} ${who} ${what}`;
      if (options.isKept) lines.push(text);
      if (pending.push(text) < chunkLines) return;
      hash.update(pending.join('\n'));
      pending.length = 0;
    },
    hash() {
      hash.update(pending.join('\n'));
      pending.length = 0;
      return hash.copy().digest('hex');
    },
  };
}

/** A value in few letters; two values that differ are written differently. */
export function inShort(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return value;
    case 'bigint':
      return `${value}n`;
    case 'object':
      if (value === null) return '-';
      if (value instanceof Date) return `@${value.getTime()}`;
      if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
      if (Array.isArray(value)) return `[${value.map(inShort).join(',')}]`;
      return `{${Object.entries(value)
        .map(([name, member]) => `${name}:${inShort(member)}`)
        .join(',')}}`;
    default:
      return String(value);
  }
}
