import { createHash } from 'node:crypto';
import type { Caller, CheckoutDesk, CheckoutView } from '../../src/checkout/desk.ts';
import { isRefused, type Refused } from '../../src/shared/failure.ts';
import { refusals } from '../../src/shared/refusals.ts';
import { type StorefrontConfig, simulatedHandler } from '../../src/storefront-api/config.ts';
import { projectCheckout, projectError } from '../../src/storefront-api/ucp/v2026-04-08/project.ts';
import { type Told, toldBy, unknown } from '../judges/answers.ts';
import type { ClientCall } from '../judges/evidence.ts';

/** A request as it stands at the API's door: what is asked, and of which checkout. */
export type Ask = {
  readonly operation: ClientCall['operation'];
  readonly caller: Caller;
  readonly checkoutId: string | null;
  readonly work: (desk: CheckoutDesk) => Promise<Refused | CheckoutView>;
};

const config: StorefrontConfig = {
  publicUrl: 'https://till.example',
  orderPageUrl: 'https://shop.example/orders',
  checkoutPageUrl: 'https://shop.example/checkouts',
  links: [],
  paymentHandlers: [simulatedHandler],
  publicMerchantId: null,
};

/** The desk's answer in the words of the wire, as the client understands them. */
export function answerOf(operation: Ask['operation'], view: Refused | CheckoutView): Told {
  if (!isRefused(view)) {
    const body = projectCheckout(view, config);
    return toldBy(operation, operation === 'create' ? 201 : 200, `"v${view.quote.version}"`, body);
  }
  const { status } = refusals[view.code];
  if (status === 200) return toldBy(operation, 200, null, projectError(view));
  return toldBy(operation, status, null, { code: view.code, content: view.message });
}

/** What a fault of ours looks like from outside. */
export function faultOf(error: Error): Told {
  return unknown(`HTTP 500 ${error.name}`, 500);
}

export function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
