import type { NewId } from './ids.ts';

/** W3C Trace Context, level 1: who asked for what, carried through every message and call that follows. */
export type TraceContext = {
  /** 32 lower case hex digits, not all zero. */
  readonly traceId: string;
  /** 16 lower case hex digits, not all zero: this hop. */
  readonly spanId: string;
  /** Two hex digits; bit 0 says that the trace is sampled. */
  readonly flags: string;
};

/**
 * Parses a `traceparent`. Null if it is none: a wrong form, an all-zero id, or version ff. Of a version above 00 the
 * four fields that we know are taken, as the recommendation asks; version 00 may have nothing after them.
 */
export function parseTraceparent(text: string): TraceContext | null {
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(text);
  if (match === null || text.length > textMax) return null;
  const [, version = '', traceId = '', spanId = '', flags = '', rest] = match;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return null;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return null;
  return { traceId, spanId, flags };
}

/** A later version may be longer than ours; longer than this it is noise. */
const textMax = 255;

/** Goes on with the caller's trace under a hop of our own, or begins a trace if there is none to go on with. */
export function continueTrace(header: string | undefined, newId: NewId): TraceContext {
  const parent = header === undefined ? null : parseTraceparent(header);
  const id = hex(newId());
  // The last 16 hex digits of a UUIDv7 begin with its variant bits, so that they are never all zero.
  const spanId = id.slice(16);
  return parent === null ? { traceId: id, spanId, flags: '01' } : { ...parent, spanId };
}

/** The header's form, always version 00. */
export function showTraceparent(trace: TraceContext): string {
  return `00-${trace.traceId}-${trace.spanId}-${trace.flags}`;
}

function hex(uuid: string): string {
  return uuid.replaceAll('-', '');
}
