/**
 * The one catalogue of refusals. `docs/errors.md` and the OpenAPI description are generated from it; a code that
 * is not here does not compile, a code that nothing uses fails a test. Codes are stable: never renamed, never reused.
 *
 * `status` is the HTTP status where the refusal is a protocol error. Business outcomes of a checkout travel as
 * messages inside a 200 (Universal Commerce Protocol, two layers of errors): those have `status: 200`.
 */
export const refusals = {
  // The request itself
  body_malformed: {
    status: 400,
    title: 'The body is not valid JSON',
    next: 'Send a JSON object with Content-Type application/json.',
  },
  body_too_large: {
    status: 413,
    title: 'The body is too large',
    next: 'Send at most the size that the message names.',
  },
  headers_too_large: {
    status: 431,
    title: 'The headers are too large',
    next: 'Send fewer or shorter headers.',
  },
  request_timeout: {
    status: 408,
    title: 'The request did not arrive in time',
    next: 'Send the whole request at once, with the same key.',
  },
  media_type_unsupported: {
    status: 415,
    title: 'The media type is not supported',
    next: 'Send Content-Type: application/json.',
  },
  input_invalid: {
    status: 400,
    title: 'A field is missing or has a wrong value',
    next: 'Mend the field that the path names and send again.',
  },
  header_invalid: {
    status: 400,
    title: 'A header is missing or has a wrong value',
    next: 'Mend the header that the message names.',
  },
  id_malformed: {
    status: 400,
    title: 'An id does not have its form',
    next: 'Use an id as it was given to you, prefix included.',
  },
  cursor_invalid: {
    status: 400,
    title: 'The page cursor is not one of ours',
    next: 'Use next_cursor as it was given, or start without one.',
  },
  card_number_refused: {
    status: 422,
    title: 'A field looks like a card number',
    next: 'Send the token of the payment provider, never card data. If it is an id of yours, use another: a UUID.',
  },
  api_key_missing: { status: 401, title: 'No API key', next: 'Send your key in the X-API-Key header.' },
  api_key_unknown: {
    status: 401,
    title: 'The API key is not known',
    next: 'Check the key, or ask the merchant for a new one.',
  },
  route_not_found: { status: 404, title: 'There is no such route', next: 'See /openapi.json for the routes.' },
  method_not_allowed: {
    status: 405,
    title: 'The route does not take this method',
    next: 'Use a method of the Allow header.',
  },
  not_found: {
    status: 404,
    title: 'There is no such thing under this key',
    next: 'Check the id; things of other merchants and callers are not shown.',
  },
  not_possible_now: {
    status: 409,
    title: 'Its state does not allow that',
    next: 'Look at it again: it may have moved on.',
  },
  version_unsupported: {
    status: 422,
    title: 'The protocol version is not supported',
    next: 'Use a version that /.well-known/ucp lists.',
  },
  idempotency_key_missing: {
    status: 400,
    title: 'No Idempotency-Key',
    next: 'Send a fresh key for each intent, and the same key for each retry of it.',
  },
  idempotency_key_reused: {
    status: 409,
    title: 'The key was used for another request',
    next: 'Use a new key for a new request.',
  },
  idempotency_key_in_flight: {
    status: 409,
    title: 'A request with this key is being handled',
    next: 'Retry after the time in Retry-After.',
  },
  overloaded: {
    status: 503,
    title: 'The service is busy',
    next: 'Retry after the time in Retry-After, with the same key.',
  },
  unavailable: {
    status: 503,
    title: 'The service cannot reach its database',
    next: 'Retry after the time in Retry-After, with the same key.',
  },
  internal: {
    status: 500,
    title: 'A fault of ours',
    next: 'Retry with the same key; if it stays, report the request id.',
  },
  signature_invalid: {
    status: 401,
    title: 'The signature does not verify',
    next: 'Sign the raw body with the shared secret, and check the clock.',
  },
  // The checkout
  item_unavailable: { status: 200, title: 'An item is not sold', next: 'Remove the item or choose another.' },
  out_of_stock: {
    status: 200,
    title: 'There is not enough stock',
    next: 'Lower the quantity of the named lines, or remove them.',
  },
  stock_held: {
    status: 409,
    title: 'Orders hold more stock than that',
    next: 'Set a quantity of at least what is held, or settle those orders first.',
  },
  price_changed: {
    status: 200,
    title: 'A price changed since the quote',
    next: 'Show the buyer the new totals and complete again with a new key.',
  },
  quote_changed: {
    status: 412,
    title: 'The checkout changed since the version that the buyer saw',
    next: 'Read the checkout again and complete the version that the buyer agrees to.',
  },
  amount_too_large: { status: 400, title: 'The order is larger than an order may be', next: 'Order less at once.' },
  checkout_expired: { status: 200, title: 'The checkout has expired', next: 'Create a new checkout.' },
  checkout_not_open: {
    status: 409,
    title: 'The checkout is no longer open',
    next: 'Read the checkout to see how it ended.',
  },
  checkout_incomplete: {
    status: 400,
    title: 'The checkout lacks something',
    next: 'Add what the message names, then complete under a new key.',
  },
  payment_failed: {
    status: 200,
    title: 'The payment was declined',
    next: 'Use another payment method and complete again with a new key.',
  },
  payment_timed_out: {
    status: 200,
    title: 'The payment provider did not answer in time',
    next: 'Nothing was charged. Complete again with a new key.',
  },
  order_refused: { status: 200, title: 'The order was refused', next: 'Contact the merchant.' },
  payment_handler_unknown: {
    status: 400,
    title: 'The payment handler is not offered',
    next: 'Use a handler_id that the checkout lists.',
  },
  currency_unsupported: {
    status: 400,
    title: "The currency is not ISO 4217 or not the merchant's",
    next: 'Use the currency of the checkout.',
  },
} as const satisfies Record<string, { status: number; title: string; next: string }>;

export type RefusalCode = keyof typeof refusals;

/**
 * Codes that travel in messages of a checkout or an order beside those above, and refuse nothing: they say what lacks
 * and how it stands. As stable as refusals, and listed with them.
 */
export const remarks = {
  missing: {
    title: 'Something lacks before the checkout can be completed',
    next: 'Send what the path of the message names, with an update of the checkout.',
  },
  order_in_progress: {
    title: 'The order is placed and its payment is being checked',
    next: 'Read the order or the checkout again, or retry the complete under the same key with Prefer: wait=N.',
  },
  order_on_hold: {
    title: 'The order is placed and a person looks at it first',
    next: 'Read the order again later: it is confirmed, or cancelled without a charge, within three days.',
  },
} as const satisfies Record<string, { title: string; next: string }>;

export type RemarkCode = keyof typeof remarks;

/** Every code that a message may carry. */
export type MessageCode = RefusalCode | RemarkCode;
