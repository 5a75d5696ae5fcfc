import { createServer } from 'node:http';
import type { CheckoutDesk, CheckoutView } from '../src/checkout/desk.ts';
import { type Draft, type Offer, quoteDraft } from '../src/checkout/quote.ts';
import { shippingOptions } from '../src/pricing/shipping-rates.ts';
import { isRefused } from '../src/shared/failure.ts';
import { newUuid } from '../src/shared/ids.ts';
import { createInbound } from '../src/shared/inbound.ts';
import { silentLogger } from '../src/shared/log.ts';
import { currencyOf } from '../src/shared/money.ts';
import { simulatedHandler } from '../src/storefront-api/config.ts';
import { parseDraft } from '../src/storefront-api/ucp/v2026-04-08/parse.ts';
import { registerUcp } from '../src/storefront-api/ucp/v2026-04-08/routes.http.ts';

export const layerPath = '/cart';
const lineCount = 20;

/** A cart of twenty lines, some 2 kB, as a shop sends it. */
export const cartBody = JSON.stringify({
  line_items: Array.from({ length: lineCount }, (_, index) => ({
    id: `line-${index}`,
    item: { id: `sku-${index}`, title: 'WHITE HANGING HEART HOLDER' },
    quantity: 1 + (index % 3),
  })),
  buyer: { first_name: 'Ada', last_name: 'Byron', email: 'ada@example.com' },
  fulfillment: {
    methods: [
      {
        type: 'shipping',
        destinations: [{ id: 'home', street_address: '1 High St', address_locality: 'London', address_country: 'GB' }],
        selected_destination_id: 'home',
        groups: [{ selected_option_id: 'standard' }],
      },
    ],
  },
});

/** Both servers in one process; answers their addresses, the bare one first. */
export async function startLayers(): Promise<{ url: string; stop(): Promise<void> }> {
  const bare = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { line_items: unknown[] };
      const answer = JSON.stringify({ lines: body.line_items.length });
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
      response.end(answer);
    });
  });
  await new Promise<void>((resolve) => bare.listen(0, '127.0.0.1', resolve));
  const inbound = createInbound({ log: silentLogger, newId: newUuid, onAnswered: () => {} });
  inbound.server.post(layerPath, async (request) => {
    const draft = parseDraft(request.body);
    return isRefused(draft) ? draft : { lines: draft.lines.length };
  });
  registerUcp(inbound, {
    desk: deskInMemory(),
    authenticate: async () => ({ merchantId: 'demo', callerId: 'shop', currency: 'GBP', country: 'GB' }),
    config: {
      publicUrl: 'http://127.0.0.1',
      orderPageUrl: 'https://shop.example/orders',
      checkoutPageUrl: 'https://shop.example',
      links: [],
      paymentHandlers: [simulatedHandler],
      publicMerchantId: null,
    },
  });
  const layerUrl = await inbound.server.listen({ port: 0, host: '127.0.0.1' });
  const address = bare.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port} ${layerUrl}`,
    async stop() {
      bare.closeAllConnections();
      bare.close();
      await inbound.drain(1_000);
    },
  };
}

/** Prices what it is sent from a till in memory, and remembers nothing. */
function deskInMemory(): CheckoutDesk {
  const currency = currencyOf('GBP');
  const offers = new Map<string, Offer>(
    Array.from({ length: lineCount }, (_, index) => [
      `sku-${index}`,
      {
        sku: `sku-${index}`,
        title: 'WHITE HANGING HEART HOLDER',
        priceMinor: 255n,
        currency,
        active: true,
        freeUnits: 1000n,
      },
    ]),
  );
  const options = shippingOptions('GB');
  const create = async (_caller: unknown, draft: Draft): Promise<CheckoutView> => ({
    checkoutId: newUuid(),
    status: 'ready',
    quote: { version: 1, currency, content: quoteDraft(draft, offers, currency, options).content },
    shippingOptions: options('GB', 0n),
    orderId: null,
    expiresAt: new Date(Date.now() + 3_600_000),
    notices: [],
  });
  const notMeasured = () => Promise.reject(new Error('only opening is measured'));
  return {
    create,
    read: notMeasured,
    update: notMeasured,
    complete: notMeasured,
    cancel: notMeasured,
    readOrder: notMeasured,
  };
}
