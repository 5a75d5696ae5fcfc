import { type Static, type TObject, Type } from '@sinclair/typebox';

const shortText = Type.String({ minLength: 1, maxLength: 255 });
const amount = Type.Object(
  {
    amount_minor: Type.Integer({ minimum: 0, description: 'Minor units of the currency' }),
    currency: Type.String({ pattern: '^[A-Z]{3}$', description: 'ISO 4217' }),
  },
  { additionalProperties: false },
);
const closed = { additionalProperties: false } as const;

type EventDefinition = { readonly version: number; readonly describes: string; readonly data: TObject };

/**
 * Every domain event: what it says and the schema of its data. docs/events is generated from this. Events carry ids and
 * amounts, never personal data. A change of meaning is a new version; fields are only ever added within one.
 */
export const domainEvents = {
  OrderPending: {
    version: 1,
    describes: 'The order is committed: it exists, its stock is held, its payment is intended.',
    data: Type.Object({ checkout_id: shortText, total: amount, line_count: Type.Integer({ minimum: 1 }) }, closed),
  },
  OrderHeld: {
    version: 1,
    describes: 'The fraud screen wants a person to look at the order.',
    data: Type.Object({ reason: shortText }, closed),
  },
  OrderReleased: {
    version: 1,
    describes: 'A person accepted the held order; it goes on.',
    data: Type.Object({ by: shortText }, closed),
  },
  PaymentAuthorized: {
    version: 1,
    describes: 'The provider authorised the payment.',
    data: Type.Object({ provider: shortText, provider_reference: shortText, authorised: amount }, closed),
  },
  PaymentDeclined: {
    version: 1,
    describes: 'The provider declined the payment.',
    data: Type.Object({ provider: shortText, decline_code: shortText }, closed),
  },
  PaymentVoided: {
    version: 1,
    describes: 'The authorisation was given back.',
    data: Type.Object({ provider: shortText, provider_reference: shortText }, closed),
  },
  OrderPlaced: {
    version: 1,
    describes: 'The order is confirmed: paid for and to be fulfilled.',
    data: Type.Object({ total: amount }, closed),
  },
  OrderCancelling: {
    version: 1,
    describes: 'The order is being taken back: stock and money are on their way back.',
    data: Type.Object({ code: shortText }, closed),
  },
  StockReleased: {
    version: 1,
    describes: 'The stock that the order held is free again.',
    data: Type.Object({ units: Type.Integer({ minimum: 1 }) }, closed),
  },
  OrderCancelled: {
    version: 1,
    describes: 'The order is cancelled, with all its stock and money given back.',
    data: Type.Object({ code: shortText }, closed),
  },
} as const satisfies Record<string, EventDefinition>;

export type EventType = keyof typeof domainEvents;

/** An event to be written in the transaction of the change that it tells of. */
export type NewEvent = {
  [Type in EventType]: { readonly type: Type; readonly data: Static<(typeof domainEvents)[Type]['data']> };
}[EventType];

/** An event as it stands in the order's database. */
export type StoredEvent = {
  readonly position: bigint;
  readonly transactionId: string;
  readonly eventId: string;
  readonly merchantId: string;
  readonly orderId: string;
  /** 1, 2, 3, … within one order, without a gap (promise 7). */
  readonly sequence: number;
  readonly type: string;
  readonly schemaVersion: number;
  readonly data: Readonly<Record<string, unknown>>;
  readonly traceparent: string | null;
  readonly occurredAt: Date;
};

/** A CloudEvents 1.0 envelope in JSON, with the distributed tracing and sequence extensions. */
export type CloudEvent = {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly datacontenttype: 'application/json';
  readonly dataschema: string;
  readonly sequence: string;
  readonly traceparent?: string;
  readonly data: Readonly<Record<string, unknown>>;
};

/** The event as it leaves: (source, id) is the key by which a consumer recognises a repetition. */
export function toCloudEvent(event: StoredEvent): CloudEvent {
  return {
    specversion: '1.0',
    id: `evt_${event.eventId}`,
    source: `/merchants/${event.merchantId}`,
    type: cloudEventType(event.type),
    subject: `ord_${event.orderId}`,
    time: event.occurredAt.toISOString(),
    datacontenttype: 'application/json',
    dataschema: `urn:onetill:event:${event.type}:v${event.schemaVersion}`,
    sequence: String(event.sequence).padStart(10, '0'),
    ...(event.traceparent === null ? {} : { traceparent: event.traceparent }),
    data: event.data,
  };
}

export function cloudEventType(type: string): string {
  return `dev.onetill.${type}`;
}

/** One line for people: what the event says happened. */
export function tell(type: string, data: Readonly<Record<string, unknown>>): string {
  const fact = data.code ?? data.decline_code ?? data.provider_reference ?? data.reason ?? data.by;
  const words = type.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  const sentence = words.charAt(0).toUpperCase() + words.slice(1);
  return fact === undefined ? sentence : `${sentence}: ${String(fact)}`;
}
