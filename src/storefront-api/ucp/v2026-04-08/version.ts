/**
 * The version of the Universal Commerce Protocol that this folder projects the checkout desk to. A later version is a
 * folder beside this one over the same desk; nothing outside of the folder knows a field of the wire.
 */
export const version = '2026-04-08';

/** Where the version's routes live. The discovery profile names it, so that callers never have to build it. */
export const prefix = `/ucp/v${version}`;

/** Where the protocol publishes its own description of this version. */
export const specification = `https://ucp.dev/${version}/specification`;
export const schemas = `https://ucp.dev/${version}/schemas`;

/** The capabilities of the protocol that are served, and those of them that say something about a checkout. */
export const capabilities = {
  'dev.ucp.shopping.checkout': { page: 'checkout', schema: 'shopping/checkout.json', extends: null },
  'dev.ucp.shopping.fulfillment': {
    page: 'fulfillment',
    schema: 'shopping/fulfillment.json',
    extends: 'dev.ucp.shopping.checkout',
  },
  'dev.ucp.shopping.order': { page: 'order', schema: 'shopping/order.json', extends: null },
} as const;
