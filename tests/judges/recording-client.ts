import { parseObject, requestHash, type SeenCheckout, type Told, toldBy, unknown } from './answers.ts';
import type { ClientCall } from './evidence.ts';
import type { History } from './history.ts';

export type RecordingClientOptions = {
  /** Where the shop is now, such as `http://127.0.0.1:4000`; asked before each call, because it may have moved. */
  readonly origin: () => string;
  readonly apiKey: string;
  /** Names this client in the history. */
  readonly client: string;
  readonly callerId?: string;
  readonly history: History;
  /** How long an answer may take, waiting for an outcome not counted. */
  readonly timeoutMs?: number;
};

export type Cart = {
  readonly lines: Readonly<Record<string, number>>;
  readonly email?: string;
  readonly country?: string;
  /** Whatever else the body of a create or update is to hold. */
  readonly more?: Readonly<Record<string, unknown>>;
};

/** How often a call is made while its outcome is unknown: each time under the same key, each time on record. */
export type Persistence = { readonly triesMax?: number; readonly pauseMs?: number };

export type CompleteAsk = Persistence & {
  readonly key: string;
  readonly token: string;
  /** For `Prefer: wait=N`; 0 sends no such header. */
  readonly waitSeconds?: number;
  readonly billingCountry?: string;
  /**
   * What the buyer agrees to. `shown`: the total of the last answer, which holds while nobody else changes the
   * checkout. `version`: the same, and said with If-Match, which holds whoever changes it. `anything`: whatever the
   * checkout holds at the shop's first look, so nothing can be held against what was seen.
   */
  readonly agreesTo?: 'shown' | 'version' | 'anything';
};

/** A buyer's client that writes down all that it asks and is told. A lost answer is `unknown`; nothing throws. */
export type RecordingClient = {
  create(cart: Cart, more?: Persistence & { readonly key?: string }): Promise<Told>;
  update(checkoutId: string, cart: Cart, more?: Persistence & { readonly key?: string }): Promise<Told>;
  complete(checkout: SeenCheckout, ask: CompleteAsk): Promise<Told>;
  cancel(checkoutId: string, more?: Persistence & { readonly key?: string }): Promise<Told>;
  read(checkoutId: string): Promise<Told>;
};

const prefix = '/ucp/v2026-04-08/checkout-sessions';
const defaultTimeoutMs = 10_000;
const answerBytesMax = 1_048_576;

export function createRecordingClient(options: RecordingClientOptions): RecordingClient {
  return {
    create: (cart, more = {}) =>
      persist(options, more, {
        operation: 'create',
        checkoutId: null,
        method: 'POST',
        path: prefix,
        body: bodyOf(cart),
        key: more.key ?? null,
      }),
    update: (checkoutId, cart, more = {}) =>
      persist(options, more, {
        operation: 'update',
        checkoutId,
        method: 'PUT',
        path: pathOf(checkoutId),
        body: bodyOf(cart),
        key: more.key ?? null,
      }),
    complete: (checkout, ask) => persist(options, ask, completeCall(checkout, ask)),
    cancel: (checkoutId, more = {}) =>
      persist(options, more, {
        operation: 'cancel',
        checkoutId,
        method: 'POST',
        path: `${pathOf(checkoutId)}/cancel`,
        key: more.key ?? null,
      }),
    read: (checkoutId) =>
      persist(options, {}, { operation: 'read', checkoutId, method: 'GET', path: pathOf(checkoutId), key: null }),
  };
}

type Call = {
  readonly operation: ClientCall['operation'];
  readonly checkoutId: string | null;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly key: string | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly seenTotalMinor?: bigint | null;
  readonly saysVersion?: boolean;
  readonly waitMs?: number;
};

function completeCall(checkout: SeenCheckout, ask: CompleteAsk): Call {
  const { agreesTo = 'shown', waitSeconds = 0 } = ask;
  const saysVersion = agreesTo === 'version' && checkout.version !== null;
  return {
    operation: 'complete',
    checkoutId: checkout.checkoutId,
    method: 'POST',
    path: `${pathOf(checkout.checkoutId)}/complete`,
    body: paymentOf(ask),
    key: ask.key,
    headers: {
      ...(waitSeconds === 0 ? {} : { prefer: `wait=${waitSeconds}` }),
      ...(saysVersion ? { 'if-match': `"v${checkout.version}"` } : {}),
    },
    saysVersion,
    seenTotalMinor: agreesTo === 'anything' ? null : checkout.totalMinor,
    waitMs: waitSeconds * 1_000,
  };
}

const pathOf = (checkoutId: string): string => `${prefix}/chk_${checkoutId}`;

function bodyOf({ lines, email = 'ada@example.com', country = 'GB', more = {} }: Cart): unknown {
  const home = { id: 'home', street_address: '1 High Street', address_locality: 'Leeds', address_country: country };
  return {
    line_items: Object.entries(lines).map(([id, quantity]) => ({ item: { id }, quantity })),
    buyer: { first_name: 'Ada', last_name: 'Byron', email },
    fulfillment: {
      methods: [{ type: 'shipping', destinations: [home], groups: [{ selected_option_id: 'standard' }] }],
    },
    ...more,
  };
}

function paymentOf({ token, billingCountry }: CompleteAsk): unknown {
  const instrument = {
    id: 'card',
    handler_id: 'simulated',
    type: 'card',
    selected: true,
    credential: { type: 'token', token },
    ...(billingCountry === undefined ? {} : { billing_address: { address_country: billingCountry } }),
  };
  return { payment: { instruments: [instrument] } };
}

async function persist(options: RecordingClientOptions, persistence: Persistence, call: Call): Promise<Told> {
  const { triesMax = 1, pauseMs = 100 } = persistence;
  for (let tries = 1; ; tries += 1) {
    const told = await callOnce(options, call);
    if (told.outcome.kind !== 'unknown' || tries >= triesMax) return told;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

async function callOnce(options: RecordingClientOptions, call: Call): Promise<Told> {
  const end = options.history.begin({
    client: options.client,
    ...(options.callerId === undefined ? {} : { callerId: options.callerId }),
    operation: call.operation,
    idempotencyKey: call.key,
    ...(call.saysVersion === undefined ? {} : { saysVersion: call.saysVersion }),
    requestSha256: requestHash(call),
    checkoutId: call.checkoutId,
    seenTotalMinor: call.seenTotalMinor ?? null,
  });
  const told = await exchange(options, call).catch((thrown: unknown): Told => unknown(reasonOf(thrown), null));
  end(told.outcome);
  return told;
}

async function exchange(options: RecordingClientOptions, call: Call): Promise<Told> {
  const response = await fetch(`${options.origin()}${call.path}`, {
    method: call.method,
    redirect: 'manual',
    headers: {
      accept: 'application/json',
      'x-api-key': options.apiKey,
      ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(call.key === null ? {} : { 'idempotency-key': call.key }),
      ...call.headers,
    },
    ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
    signal: AbortSignal.timeout((options.timeoutMs ?? defaultTimeoutMs) + (call.waitMs ?? 0)),
  });
  const text = await response.text();
  if (text.length > answerBytesMax) return unknown(`an answer of ${text.length} characters`, response.status);
  return toldBy(call.operation, response.status, response.headers.get('etag'), parseObject(text));
}

function reasonOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const cause = thrown.cause as { code?: unknown; message?: unknown } | undefined;
  return String(cause?.code ?? cause?.message ?? thrown.name);
}
