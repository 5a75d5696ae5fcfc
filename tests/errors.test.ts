import { describe, expect, test } from 'vitest';
import type { CheckoutView } from '../src/checkout/desk.ts';
import type { QuoteContent } from '../src/checkout/quote.ts';
import { generatedFiles } from '../src/main/docs.ts';
import { type OrderStatus, type OrderView, orderMachine } from '../src/orders/order.ts';
import { currencyOf } from '../src/shared/money.ts';
import { refusals, remarks } from '../src/shared/refusals.ts';
import { buildOpenApi } from '../src/storefront-api/openapi.ts';
import { messagesOf, orderMessagesOf } from '../src/storefront-api/ucp/v2026-04-08/messages.ts';
import { isServer, type Project, plantedProject, readProject, scanOf } from './tidy/project.ts';

const catalogue = 'src/shared/refusals.ts';
const codes = Object.keys(refusals);
const project = readProject(process.cwd());

describe('the catalogue of refusals', () => {
  test('every refusal code is used somewhere in the source', () => {
    const used = literalsOf(project);
    expect(codes.filter((code) => !used.has(code))).toEqual([]);
  });

  test('every code that is refused with is in the catalogue', () => {
    expect(strangersOf(project)).toEqual([]);
  });

  test('a code from outside of the catalogue is found', () => {
    const planted = plantedProject({
      'src/orders/order.ts':
        "refuse('made_up', 'x');\nconst a = { code: 'price_changed' };\nreject('input_invalid', 'y');",
    });
    expect(strangersOf(planted)).toEqual(['src/orders/order.ts: made_up']);
    expect(literalsOf(planted).has('price_changed')).toBe(true);
    expect(literalsOf(planted).has('out_of_stock')).toBe(false);
  });

  test('docs/errors.md lists the codes of refusals and of remarks, all of them and no others', async () => {
    const page = (await generatedFiles(process.cwd())).get('docs/errors.md') ?? '';
    const listed = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code);
    expect(listed.sort()).toEqual([...codes, ...Object.keys(remarks)].sort());
  });

  test('what messages carry beside refusals are the remarks, all of them and no others', () => {
    const carried = new Set(everyMessage().map(({ code }) => code as string));
    expect([...carried].filter((code) => !codes.includes(code)).sort()).toEqual(Object.keys(remarks).sort());
    expect(codes.filter((code) => Object.hasOwn(remarks, code))).toEqual([]);
  });

  test('a cancelled order with a reason that this version does not know carries a code of the catalogue', () => {
    for (const cancelCode of ['of_another_version', 'toString', null]) {
      expect(orderMessagesOf(order('cancelled', cancelCode))).toMatchObject([{ code: 'order_refused' }]);
    }
  });

  test('the OpenAPI description lists the codes of the catalogue, all of them and no others', () => {
    const description = buildOpenApi({ publicUrl: 'http://127.0.0.1', routes: [] }) as {
      'x-refusals': { code: string }[];
      'x-remarks': { code: string }[];
      components: { schemas: { Problem: { properties: { code: { enum: string[] } } } } };
    };
    const { code } = description.components.schemas.Problem.properties;
    expect(description['x-refusals'].map((each) => each.code).sort()).toEqual([...codes].sort());
    expect([...code.enum].sort()).toEqual([...codes].sort());
    expect(description['x-remarks'].map((each) => each.code).sort()).toEqual(Object.keys(remarks).sort());
  });

  test('every refusal says what to do next in a sentence', () => {
    for (const { title, next } of [...Object.values(refusals), ...Object.values(remarks)]) {
      expect(title).toMatch(/^[A-Z][^.]*$/);
      expect(next).toMatch(/^[A-Z].*\.$/);
    }
  });
});

/** The messages of a checkout that lacks everything, and of checkouts and orders in every state. */
function everyMessage() {
  const statuses: CheckoutView['status'][] = ['incomplete', 'ready', 'completing', 'on_hold', 'completed', 'cancelled'];
  const empty: QuoteContent = {
    lines: [],
    buyer: null,
    destinations: [],
    selectedDestinationId: null,
    selectedShippingId: null,
    shippingMinor: 0n,
    subtotalMinor: 0n,
    totalMinor: 0n,
  };
  const view = (status: CheckoutView['status']): CheckoutView => ({
    checkoutId: '',
    status,
    quote: { version: 1, currency: currencyOf('GBP'), content: empty },
    shippingOptions: [],
    orderId: null,
    expiresAt: new Date(0),
    notices: [],
  });
  const orderStatuses = Object.keys(orderMachine.transitions) as OrderStatus[];
  return [
    ...statuses.flatMap((status) => messagesOf(view(status))),
    ...orderStatuses.flatMap((status) => orderMessagesOf(order(status, 'payment_failed'))),
  ];
}

/** An order of which only the state matters. */
function order(status: OrderStatus, cancelCode: string | null): OrderView {
  return { status, cancelCode } as OrderView;
}

/** All literals of the source that could be codes, without the catalogue's own. */
function literalsOf(among: Project): Set<string> {
  const server = among.filter(({ path }) => isServer(path) && path !== catalogue && !path.startsWith('src/main/docs'));
  return new Set(server.flatMap((file) => scanOf(file).literals.map(({ text }) => text)));
}

/** What is passed to a function that refuses, and is no code of the catalogue. */
function strangersOf(among: Project): string[] {
  return among
    .filter(({ path }) => isServer(path))
    .flatMap((file) => {
      const { code, literals } = scanOf(file);
      return [...code.matchAll(/\b(?:refuse|reject|decided)\(\s*(?=')/g)]
        .map((match) => literals.find(({ start }) => start === match.index + match[0].length)?.text ?? '')
        .filter((text) => !codes.includes(text))
        .map((text) => `${file.path}: ${text}`);
    });
}
