import type { NewMessage } from '../messaging/message.ts';
import type { NewId } from '../shared/ids.ts';

/**
 * The message that has an authorisation voided which stands, or may stand, beside ours under one key. One of a
 * reference is alive at a time, however often it is seen.
 */
export function strayMessage(
  options: { readonly newId: NewId },
  order: { readonly orderId: string; readonly merchantId: string; readonly traceparent: string | null },
  providerReference: string,
  delayMs: number,
): NewMessage {
  return {
    messageId: options.newId(),
    type: 'void-stray-authorisation',
    merchantId: order.merchantId,
    orderId: order.orderId,
    idempotencyKey: `${order.orderId}:${providerReference}`.slice(0, 255),
    payload: { providerReference },
    traceparent: order.traceparent,
    delayMs,
  };
}
