import type { CheckoutView, Notice } from '../../../checkout/desk.ts';
import { type Lack, lacksOf, type QuoteContent } from '../../../checkout/quote.ts';
import type { OrderView } from '../../../orders/order.ts';
import { never } from '../../../shared/assert.ts';
import type { Refused } from '../../../shared/failure.ts';
import { type MessageCode, type RefusalCode, refusals } from '../../../shared/refusals.ts';

/** A message of the protocol. Only errors have a severity. */
export type Message = {
  readonly type: 'error' | 'warning' | 'info';
  /** Of the catalogue: docs/errors.md lists what can come. */
  readonly code: MessageCode;
  readonly content: string;
  readonly path?: string;
  readonly severity?: 'recoverable' | 'unrecoverable';
};

/**
 * What the buyer should know of a checkout: what lacks, what the desk noticed, and where an order under way stands. No
 * message asks for a person at our side (`requires_buyer_input`, `requires_buyer_review`): those would need a page to
 * continue at, and everything that can be mended here can be mended through this API.
 */
export function messagesOf(view: CheckoutView): Message[] {
  const lacking = view.status === 'incomplete' ? lacksOf(view.quote.content).map(lackMessage) : [];
  // What lacks is said once, with its path.
  const notices = view.notices.filter(
    (notice) => notice.refusal.code !== 'checkout_incomplete' || lacking.length === 0,
  );
  const noticed = notices.flatMap((notice) => noticeMessages(notice, view.quote.content));
  return [...lacking, ...noticed, ...progressMessages(view.status)];
}

/** The one message of a refusal that has no checkout to go with. */
export function refusalMessage(refusal: Refused): Message {
  return {
    type: 'error',
    code: refusal.code,
    content: refusal.message,
    ...(refusal.path === undefined ? {} : { path: refusal.path }),
    severity: 'unrecoverable',
  };
}

/** What an order's buyer should know: that it waits, or why it ended. */
export function orderMessagesOf(order: OrderView): Message[] {
  switch (order.status) {
    case 'pending':
      return progressMessages('completing');
    case 'on_hold':
      return progressMessages('on_hold');
    case 'confirmed':
      return [];
    case 'cancelling':
    case 'cancelled':
      return [cancelMessage(knownCode(order.cancelCode))];
    default:
      return never(order.status, 'orderMessagesOf');
  }
}

/** A code that an older version wrote, or none, reads as the plainest one. */
function knownCode(code: string | null): RefusalCode {
  return code !== null && Object.hasOwn(refusals, code) ? (code as RefusalCode) : 'order_refused';
}

function cancelMessage(code: RefusalCode): Message {
  const content = `${refusals[code].title}. The order is cancelled and nothing is charged.`;
  return { type: 'error', code, content, severity: 'unrecoverable' };
}

function lackMessage(lack: Lack): Message {
  const [path, content] = lackTexts[lack];
  return { type: 'error', code: 'missing', content, path, severity: 'recoverable' };
}

const lackTexts: Readonly<Record<Lack, readonly [path: string, content: string]>> = {
  lines: ['$.line_items', 'Nothing of this checkout can be bought. Choose an item.'],
  email: ['$.buyer.email', 'Send the e-mail address of the buyer.'],
  destination: ['$.fulfillment.methods[0].selected_destination_id', 'Send an address to ship to and select it.'],
  shipping: ['$.fulfillment.methods[0].groups[0].selected_option_id', 'Select a shipping option.'],
};

function noticeMessages(notice: Notice, content: QuoteContent): Message[] {
  const { refusal, weight } = notice;
  const weighed: Pick<Message, 'type' | 'severity'> =
    weight === 'informs'
      ? { type: 'warning' }
      : { type: 'error', severity: weight === 'final' ? 'unrecoverable' : 'recoverable' };
  const message = (path: string | undefined): Message => ({
    type: weighed.type,
    code: refusal.code,
    content: refusal.message,
    ...(path === undefined ? {} : { path }),
    ...(weighed.severity === undefined ? {} : { severity: weighed.severity }),
  });
  const paths = refusal.path === undefined ? linePaths(refusal, content) : [refusal.path];
  return paths.length === 0 ? [message(undefined)] : paths.map(message);
}

/** The lines that a refusal names in `details.lines`, found again by their SKU: the quote may be a newer one. */
function linePaths(refusal: Refused, content: QuoteContent): string[] {
  const named = refusal.details?.lines;
  if (!Array.isArray(named)) return [];
  const skus = named.map((line) => (line as { sku?: unknown } | null)?.sku);
  return content.lines.flatMap((line, index) => (skus.includes(line.sku) ? [`$.line_items[${index}]`] : []));
}

function progressMessages(status: CheckoutView['status']): Message[] {
  if (status === 'completing') {
    return [{ type: 'info', code: 'order_in_progress', content: 'The order is placed; its payment is being checked.' }];
  }
  if (status === 'on_hold') {
    return [{ type: 'info', code: 'order_on_hold', content: 'The order is placed; a person looks at it first.' }];
  }
  return [];
}
