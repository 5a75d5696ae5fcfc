import { type Static, type TObject, type TProperties, Type } from '@sinclair/typebox';
import { limits } from '../../../shared/limits.ts';

/**
 * What callers may send, as our own limits on the protocol's requests. Objects stay open: fields that only answers
 * have (`status`, `totals`, `links`, `ucp` …) and those of extensions that are not served are ignored, as the protocol
 * asks.
 */
const open = <Properties extends TProperties>(properties: Properties): TObject<Properties> =>
  Type.Object(properties, { additionalProperties: true });

const shortText = Type.String({ maxLength: limits.shortTextMax });
const id = Type.String({ minLength: 1, maxLength: limits.shortTextMax });
const selectedId = Type.Union([id, Type.Null()]);

const address = {
  first_name: Type.Optional(shortText),
  last_name: Type.Optional(shortText),
  street_address: Type.Optional(shortText),
  extended_address: Type.Optional(shortText),
  address_locality: Type.Optional(shortText),
  address_region: Type.Optional(shortText),
  postal_code: Type.Optional(Type.String({ maxLength: 32 })),
  address_country: Type.Optional(Type.String({ minLength: 2, maxLength: limits.shortTextMax })),
  phone_number: Type.Optional(Type.String({ maxLength: 32 })),
};

const buyer = open({
  first_name: Type.Optional(shortText),
  last_name: Type.Optional(shortText),
  // Whether mail arrives is for the mail to find out; this only keeps out what cannot be an address.
  email: Type.Optional(
    Type.String({
      maxLength: 254,
      pattern: '^[^\\s@]+@[^\\s@]+$',
      description: 'an e-mail address such as name@example.com',
    }),
  ),
  phone_number: Type.Optional(Type.String({ maxLength: 32 })),
});

const lineItem = open({
  item: open({ id: Type.String({ minLength: 1, maxLength: limits.skuTextMax }) }),
  quantity: Type.Integer({ minimum: 1, maximum: limits.lineQuantityMax }),
});

const destination = open({ id: Type.Optional(id), ...address });

const fulfillment = open({
  methods: Type.Optional(
    Type.Array(
      open({
        type: Type.Optional(Type.Literal('shipping')),
        destinations: Type.Optional(Type.Array(destination, { maxItems: 10 })),
        selected_destination_id: Type.Optional(selectedId),
        groups: Type.Optional(Type.Array(open({ selected_option_id: Type.Optional(selectedId) }), { maxItems: 1 })),
      }),
      { maxItems: 1 },
    ),
  ),
});

const credential = open({
  type: Type.String({ minLength: 1, maxLength: limits.shortTextMax }),
  token: Type.Optional(Type.String({ minLength: 1, maxLength: limits.keyTextMax })),
});

const instrument = open({
  id,
  handler_id: id,
  type: Type.String({ minLength: 1, maxLength: limits.shortTextMax }),
  selected: Type.Optional(Type.Boolean()),
  credential: Type.Optional(credential),
  billing_address: Type.Optional(open(address)),
});

const payment = open({ instruments: Type.Optional(Type.Array(instrument, { maxItems: 10 })) });

/** Create and update: an update is a full replacement, so they are the same. */
export const checkoutRequest = open({
  line_items: Type.Array(lineItem, { minItems: 1, maxItems: limits.checkoutLinesMax }),
  buyer: Type.Optional(buyer),
  fulfillment: Type.Optional(fulfillment),
  payment: Type.Optional(payment),
});

export const completeRequest = open({ payment });

/** Cancel needs no body; what is sent is an object all the same. */
export const cancelRequest = open({});

export type CheckoutRequest = Static<typeof checkoutRequest>;
export type CompleteRequestBody = Static<typeof completeRequest>;
export type DestinationRequest = Static<typeof destination>;
export type InstrumentRequest = Static<typeof instrument>;
