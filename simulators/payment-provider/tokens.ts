import {
  type FaultedOperation,
  type RequestFaultName,
  requestFaults,
  type WebhookFaultName,
  webhookFaults,
} from './fault-names.ts';

/** Why a token is declined, by the word after `tok_`. `tok_ok` is the only one that is authorised. */
export const declineCodes = [
  'insufficient_funds',
  'card_declined',
  'expired_card',
  'fraud_suspected',
  'lost_card',
  'stolen_card',
  'limit_exceeded',
  'do_not_honour',
  'authentication_required',
  'processing_error',
] as const;

/** A fault that travels with the token: it hits the first `times` arrivals of each key of its operation. */
export type TokenFault = {
  readonly operation: FaultedOperation;
  readonly fault: RequestFaultName | WebhookFaultName;
  readonly ms?: number;
  readonly times: number;
};

export type ParsedToken = {
  /** Null where the card pays. */
  readonly declineCode: string | null;
  readonly faults: readonly TokenFault[];
};

const suffixForm =
  /^(?:(authorise|capture|void|refund|cancel|find|webhook):)?([a-z]+(?:_[a-z]+)*)(?:_(\d{1,6}))?(?:x(\d{1,3}))?$/;
const invalid: ParsedToken = { declineCode: 'invalid_token', faults: [] };

/**
 * What a token means: `tok_<outcome>` and then faults after dots, each `[operation:]fault[_milliseconds][xtimes]`.
 * `tok_ok.slow_2000`, `tok_ok.capture:act_and_cutx3.webhook:twice`. Anything else is declined as `invalid_token`.
 */
export function parseToken(token: string): ParsedToken {
  const [head = '', ...suffixes] = token.split('.');
  const outcome = head.startsWith('tok_') ? head.slice('tok_'.length) : '';
  if (outcome !== 'ok' && !(declineCodes as readonly string[]).includes(outcome)) return invalid;
  const faults: TokenFault[] = [];
  for (const suffix of suffixes) {
    const fault = parseSuffix(suffix);
    if (fault === null) return invalid;
    faults.push(fault);
  }
  return { declineCode: outcome === 'ok' ? null : outcome, faults };
}

function parseSuffix(suffix: string): TokenFault | null {
  const match = suffixForm.exec(suffix);
  if (match === null) return null;
  const [, operation = 'authorise', fault = '', ms, times] = match;
  const known: readonly string[] = operation === 'webhook' ? webhookFaults : requestFaults;
  if (!known.includes(fault)) return null;
  if (fault === 'act_twice' && operation !== 'authorise') return null;
  return {
    operation: operation as FaultedOperation,
    fault: fault as TokenFault['fault'],
    ...(ms === undefined ? {} : { ms: Number(ms) }),
    times: times === undefined ? 1 : Number(times),
  };
}
