import { assert } from '../../src/shared/assert.ts';
import {
  type FaultedOperation,
  type RequestFaultName,
  requestFaults,
  type WebhookFaultName,
  webhookFaults,
} from './fault-names.ts';
import { parseToken } from './tokens.ts';

export type FaultParameters = {
  /** Waiting time of slow, act_late, answer_late, late and reordered. */
  readonly ms?: number;
  /** Seconds in Retry-After of rate_limited and unavailable. */
  readonly retry_after_s?: number;
  /** The code of decline. */
  readonly code?: string;
};

export type Fault<Name> = { readonly name: Name; readonly parameters: FaultParameters };

/** A fault that a test has asked for: it hits the next `times` requests that match. */
export type FaultOrder = {
  readonly operation: FaultedOperation;
  readonly fault: RequestFaultName | WebhookFaultName;
  readonly match?: { readonly token?: string; readonly reference?: string; readonly event_type?: string };
  readonly times?: number;
  readonly parameters?: FaultParameters;
};

export type FaultRule = FaultOrder & { readonly id: string; left: number; hits: number };

/** The faults in force and how often each hit. It lives in memory: a restarted simulator is a healthy one. */
export type FaultBoard = {
  readonly rules: FaultRule[];
  /** Hits of faults that came with a token, by `operation:fault`. */
  readonly tokenHits: Map<string, number>;
  readonly tokenArrivals: Map<string, number>;
};

const rulesMax = 1_000;
/** Beyond it the counts begin anew: a token's faults then hit again, which costs a retry and no truth. */
const tokenArrivalsMax = 100_000;

export function newFaultBoard(): FaultBoard {
  return { rules: [], tokenHits: new Map(), tokenArrivals: new Map() };
}

/** Puts a fault in force, or says why it cannot be. */
export function addFault(board: FaultBoard, id: string, order: FaultOrder): FaultRule | string {
  const known: readonly string[] = order.operation === 'webhook' ? webhookFaults : requestFaults;
  if (!known.includes(order.fault)) return `${order.operation} has no fault ${order.fault}`;
  if (order.fault === 'act_twice' && order.operation !== 'authorise') return 'only an authorisation is made twice';
  if (board.rules.length >= rulesMax) return `at most ${rulesMax} faults: delete them first`;
  const rule: FaultRule = { ...order, id, left: order.times ?? 1, hits: 0 };
  board.rules.push(rule);
  return rule;
}

export function clearFaults(board: FaultBoard): void {
  board.rules.length = 0;
  board.tokenHits.clear();
  board.tokenArrivals.clear();
}

export type FaultSubject = {
  readonly operation: FaultedOperation;
  /** Our caller's key of this request, so that a token's fault hits each key's first arrivals and not its retries. */
  readonly key: string;
  readonly token: string;
  readonly reference: string;
  readonly eventType?: string;
};

/** The fault that hits this request, if any, and counts the hit. A rule goes before the token's own faults. */
export function takeRequestFault(board: FaultBoard, subject: FaultSubject): Fault<RequestFaultName> | null {
  assert(subject.operation !== 'webhook', 'a request, not a webhook');
  return take(board, subject) as Fault<RequestFaultName> | null;
}

export function takeWebhookFault(board: FaultBoard, subject: FaultSubject): Fault<WebhookFaultName> | null {
  assert(subject.operation === 'webhook', 'a webhook, not a request');
  return take(board, subject) as Fault<WebhookFaultName> | null;
}

function take(board: FaultBoard, subject: FaultSubject): Fault<string> | null {
  const rule = board.rules.find((candidate) => candidate.left > 0 && matches(candidate, subject));
  if (rule !== undefined) {
    rule.left -= 1;
    rule.hits += 1;
    return { name: rule.fault, parameters: rule.parameters ?? {} };
  }
  return takeFromToken(board, subject);
}

function matches(rule: FaultRule, subject: FaultSubject): boolean {
  const { token, reference, event_type: eventType } = rule.match ?? {};
  return (
    rule.operation === subject.operation &&
    (token === undefined || token === subject.token) &&
    (reference === undefined || reference === subject.reference) &&
    (eventType === undefined || eventType === subject.eventType)
  );
}

function takeFromToken(board: FaultBoard, subject: FaultSubject): Fault<string> | null {
  if (!subject.token.includes('.')) return null;
  const { faults } = parseToken(subject.token);
  for (const [index, fault] of faults.entries()) {
    if (fault.operation !== subject.operation) continue;
    const place = `${subject.operation}|${subject.key}|${index}`;
    const arrivals = board.tokenArrivals.get(place) ?? 0;
    if (arrivals >= fault.times) continue;
    if (board.tokenArrivals.size >= tokenArrivalsMax) board.tokenArrivals.clear();
    board.tokenArrivals.set(place, arrivals + 1);
    const name = `${fault.operation}:${fault.fault}`;
    board.tokenHits.set(name, (board.tokenHits.get(name) ?? 0) + 1);
    return { name: fault.fault, parameters: fault.ms === undefined ? {} : { ms: fault.ms } };
  }
  return null;
}
