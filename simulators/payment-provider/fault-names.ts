/** What can go wrong with a request. README.md says what each does. */
export const requestFaults = [
  'decline',
  'slow',
  'rate_limited',
  'unavailable',
  'fail_before',
  'fail_after',
  'cut_before',
  'act_and_cut',
  'act_late',
  'act_twice',
  'answer_late',
  'nonsense',
] as const;
export type RequestFaultName = (typeof requestFaults)[number];

/** What can go wrong with a webhook. */
export const webhookFaults = ['early', 'twice', 'late', 'never', 'reordered'] as const;
export type WebhookFaultName = (typeof webhookFaults)[number];

/** Where a fault can strike. */
export const faultedOperations = ['authorise', 'capture', 'void', 'refund', 'cancel', 'find', 'webhook'] as const;
export type FaultedOperation = (typeof faultedOperations)[number];
