import type { CompleteRequest } from '../../../checkout/desk.ts';
import type { Buyer, Destination, Draft } from '../../../checkout/quote.ts';
import { isRefused, type Refused, refuse } from '../../../shared/failure.ts';
import { refuseCard } from '../../../shared/inbound/json.ts';
import { limits } from '../../../shared/limits.ts';
import { parserOf } from '../../../shared/schema.ts';
import { Secret } from '../../../shared/secret.ts';
import { countryOf } from '../../countries.ts';
import {
  type CheckoutRequest,
  cancelRequest,
  checkoutRequest,
  completeRequest,
  type DestinationRequest,
  type InstrumentRequest,
} from './schemas.ts';

const parseCheckout = parserOf(checkoutRequest);
const parseComplete = parserOf(completeRequest);
const parseCancel = parserOf(cancelRequest);

/** The draft of a create or an update, or the first thing that is wrong with the request. */
export function parseDraft(body: unknown): Refused | Draft {
  const card = rawCardIn(body);
  if (card !== null) return card;
  const parsed = parseCheckout(body);
  if (isRefused(parsed)) return parsed;
  const request = parsed.value;
  const tooMany = tooManyUnits(request);
  if (tooMany !== null) return tooMany;
  const method = request.fulfillment?.methods?.[0];
  const destinations = parseDestinations(method?.destinations ?? []);
  if (isRefused(destinations)) return destinations;
  const selectedDestinationId = selectDestination(destinations, method?.selected_destination_id);
  if (isRefused(selectedDestinationId)) return selectedDestinationId;
  return {
    lines: request.line_items.map((line) => ({ sku: line.item.id, quantity: line.quantity })),
    buyer: request.buyer === undefined ? null : parseBuyer(request.buyer),
    destinations,
    selectedDestinationId,
    selectedShippingId: method?.groups?.[0]?.selected_option_id ?? null,
  };
}

/** What a complete says in its body: which payment method, and where its bill goes. */
export type PaymentChoice = Pick<CompleteRequest, 'token' | 'provider' | 'billingCountry'>;

/** The one selected instrument of a complete. `handlerIds` are the payment handlers that are offered. */
export function parsePayment(body: unknown, handlerIds: readonly string[]): Refused | PaymentChoice {
  const card = rawCardIn(body);
  if (card !== null) return card;
  const parsed = parseComplete(body);
  if (isRefused(parsed)) return parsed;
  const instruments = parsed.value.payment.instruments ?? [];
  const index = selectedIndex(instruments);
  const instrument = instruments[index];
  if (instrument === undefined) {
    return refuse('input_invalid', 'Send one payment instrument, or mark one of several as selected.', {
      path: '$.payment.instruments',
    });
  }
  const path = `$.payment.instruments[${index}]`;
  if (!handlerIds.includes(instrument.handler_id)) {
    return refuse('payment_handler_unknown', `Payment handlers here: ${handlerIds.join(', ')}.`, {
      path: `${path}.handler_id`,
    });
  }
  const token = instrument.credential?.token;
  if (token === undefined) {
    return refuse('input_invalid', 'This field is missing.', { path: `${path}.credential.token` });
  }
  const billingCountry = parseCountry(instrument.billing_address?.address_country, `${path}.billing_address`);
  if (isRefused(billingCountry)) return billingCountry;
  return { token: new Secret(token), provider: instrument.handler_id, billingCountry };
}

/** A cancel carries nothing, or an object that is ignored. */
export function parseCancelBody(body: unknown): Refused | null {
  if (body === undefined) return null;
  const parsed = parseCancel(body);
  return isRefused(parsed) ? parsed : null;
}

/** A single instrument is selected unless it says that it is not. -1 if none is, or more than one. */
function selectedIndex(instruments: readonly InstrumentRequest[]): number {
  if (instruments.length === 1) return instruments[0]?.selected === false ? -1 : 0;
  const first = instruments.findIndex((each) => each.selected === true);
  const last = instruments.findLastIndex((each) => each.selected === true);
  return first === last ? first : -1;
}

/** The fields in which the protocol lets a card's own data travel. They are refused whatever they hold. */
const rawCardFields = ['number', 'cvc', 'card_number_type', 'cryptogram', 'expiry_month', 'expiry_year'] as const;

/** Before the schema: card data is refused as what it is also where something else is wrong with the request. */
function rawCardIn(body: unknown): Refused | null {
  const instruments = (body as { payment?: { instruments?: unknown } } | null | undefined)?.payment?.instruments;
  if (!Array.isArray(instruments)) return null;
  for (const [index, instrument] of instruments.entries()) {
    const credential: unknown = (instrument as { credential?: unknown } | null)?.credential;
    if (typeof credential !== 'object' || credential === null) continue;
    const field = rawCardFields.find((name) => Object.hasOwn(credential, name));
    if (field !== undefined) return refuseCard(`$.payment.instruments[${index}].credential.${field}`);
  }
  return null;
}

/** Lines of one SKU become one line of the quote, which has the same limit as a line of the request. */
function tooManyUnits(request: CheckoutRequest): Refused | null {
  const units = new Map<string, number>();
  for (const [index, line] of request.line_items.entries()) {
    const quantity = (units.get(line.item.id) ?? 0) + line.quantity;
    if (quantity > limits.lineQuantityMax) {
      return refuse('input_invalid', `At most ${limits.lineQuantityMax} units of one item can be bought at once.`, {
        path: `$.line_items[${index}].quantity`,
      });
    }
    units.set(line.item.id, quantity);
  }
  return null;
}

function parseBuyer(buyer: NonNullable<CheckoutRequest['buyer']>): Buyer {
  return withoutGaps({
    firstName: buyer.first_name,
    lastName: buyer.last_name,
    email: buyer.email,
    phoneNumber: buyer.phone_number,
  });
}

const destinationsPath = '$.fulfillment.methods[0].destinations';

function parseDestinations(sent: readonly DestinationRequest[]): Refused | Destination[] {
  const destinations: Destination[] = [];
  for (const [index, each] of sent.entries()) {
    const path = `${destinationsPath}[${index}]`;
    const id = each.id ?? `dest_${index + 1}`;
    if (destinations.some((other) => other.id === id)) {
      return refuse('input_invalid', 'Two destinations have this id.', { path: `${path}.id` });
    }
    const country = parseCountry(each.address_country, path);
    if (isRefused(country)) return country;
    if (country === null) return refuse('input_invalid', 'This field is missing.', { path: `${path}.address_country` });
    destinations.push(parseDestination(id, country, each));
  }
  return destinations;
}

function parseDestination(id: string, country: string, sent: DestinationRequest): Destination {
  return withoutGaps({
    id,
    firstName: sent.first_name,
    lastName: sent.last_name,
    streetAddress: sent.street_address,
    extendedAddress: sent.extended_address,
    locality: sent.address_locality,
    region: sent.address_region,
    postalCode: sent.postal_code,
    country,
    phoneNumber: sent.phone_number,
  });
}

function parseCountry(text: string | undefined, path: string): Refused | string | null {
  if (text === undefined) return null;
  return (
    countryOf(text) ??
    refuse('input_invalid', 'This is no country of ISO 3166-1: send its two-letter code.', {
      path: `${path}.address_country`,
    })
  );
}

/** A buyer who sends one address and no selection means that address; null says "none yet" in so many words. */
function selectDestination(
  destinations: readonly Destination[],
  selected: string | null | undefined,
): Refused | string | null {
  if (selected === null) return null;
  if (selected === undefined) return destinations.length === 1 ? (destinations[0]?.id ?? null) : null;
  if (destinations.some((each) => each.id === selected)) return selected;
  return refuse('input_invalid', 'This is not the id of a destination in this request.', {
    path: '$.fulfillment.methods[0].selected_destination_id',
  });
}

/** Without the fields that are undefined, so that what is stored is what was sent. */
function withoutGaps<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as T;
}
