import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import * as formats from 'ajv-formats';
import { expect } from 'vitest';

/** Holds an answer against the protocol's own schemas, and against the rules of totals that schemas cannot say. */

const schemasDirectory = fileURLToPath(new URL('../../data/ucp/2026-04-08/source/schemas', import.meta.url));
const ajv = new Ajv2020({ strict: false, allErrors: true });
const addFormats = formats.default as unknown as { default?: (ajv: Ajv2020) => void } & ((ajv: Ajv2020) => void);
(addFormats.default ?? addFormats)(ajv);
for (const file of readdirSync(schemasDirectory, { recursive: true, encoding: 'utf8' })) {
  if (!file.endsWith('.json')) continue;
  const schema = JSON.parse(readFileSync(join(schemasDirectory, file), 'utf8')) as { $id?: string };
  if (schema.$id !== undefined) ajv.addSchema(schema);
}

const base = 'https://ucp.dev/schemas';
const validators = {
  checkout: compiled(`${base}/shopping/fulfillment.json#/$defs/dev.ucp.shopping.checkout`),
  order: compiled(`${base}/shopping/order.json`),
  error: compiled(`${base}/shopping/types/error_response.json`),
  profile: compiled(`${base}/ucp.json#/$defs/business_schema`),
};

function compiled(id: string): ValidateFunction {
  const validate = ajv.getSchema(id);
  if (validate === undefined) throw new Error(`the protocol has no schema ${id}`);
  return validate;
}

export type UcpBody = { readonly [field: string]: unknown };

/** The answer of a UCP route: a checkout, an order, an error envelope, or a refusal by status. Fails if it is none. */
export function expectUcpAnswer(status: number, body: unknown): void {
  const answer = body as UcpBody;
  if (status >= 400) return expectProtocolError(answer);
  expect([200, 201]).toContain(status);
  const ucp = answer.ucp as { status?: string; capabilities?: object } | undefined;
  if (ucp?.status === 'error') {
    expectValid(validators.error, answer);
    expect(answer.id).toBeUndefined();
  } else if (answer.checkout_id !== undefined) expectOrder(answer);
  else expectCheckout(answer);
}

export function expectProfile(body: unknown): void {
  expectValid(validators.profile, (body as { ucp: unknown }).ucp);
}

function expectProtocolError(body: UcpBody): void {
  expect(body).toMatchObject({ code: expect.any(String), content: expect.any(String) });
  expect(body.ucp).toBeUndefined();
}

function expectCheckout(checkout: UcpBody): void {
  expectValid(validators.checkout, checkout);
  expectTotals(checkout.totals, checkout.line_items);
  const names = Object.keys((checkout.ucp as { capabilities: object }).capabilities);
  expect(names).not.toContain('dev.ucp.shopping.order');
  const messages = (checkout.messages ?? []) as { severity?: string }[];
  if (checkout.status === 'requires_escalation') expect(checkout.continue_url).toMatch(/^https:/);
  if (checkout.status === 'completed' || checkout.status === 'canceled') expect(checkout.continue_url).toBeUndefined();
  if (checkout.status !== 'requires_escalation') {
    expect(messages.filter((message) => message.severity?.startsWith('requires_'))).toEqual([]);
  }
}

function expectOrder(order: UcpBody): void {
  expectValid(validators.order, order);
  expectTotals(order.totals, order.line_items);
  for (const line of order.line_items as OrderLine[]) {
    const { total, fulfilled } = line.quantity;
    const derived =
      total === 0 ? 'removed' : fulfilled === total ? 'fulfilled' : fulfilled > 0 ? 'partial' : 'processing';
    expect(line.status).toBe(derived);
  }
}

type OrderLine = { status: string; quantity: { total: number; fulfilled: number } };
type Total = { type: string; amount: number; lines?: { amount: number }[] };

/** Exactly one subtotal and one total; all but the total add up to it; lines add up to the subtotal. */
export function expectTotals(totals: unknown, lines: unknown): void {
  const entries = totals as Total[];
  const amountOf = (list: Total[], type: string): number => {
    const found = list.filter((entry) => entry.type === type);
    expect(found, `one ${type}`).toHaveLength(1);
    return found[0]?.amount ?? Number.NaN;
  };
  const total = amountOf(entries, 'total');
  expect(sumOf(entries.filter((entry) => entry.type !== 'total'))).toBe(total);
  for (const entry of entries) {
    if (entry.lines !== undefined) expect(sumOf(entry.lines)).toBe(entry.amount);
  }
  const lineTotals = (lines as { totals: Total[] }[]).map((line) => {
    amountOf(line.totals, 'subtotal');
    return { amount: amountOf(line.totals, 'total') };
  });
  expect(sumOf(lineTotals)).toBe(amountOf(entries, 'subtotal'));
}

function sumOf(entries: readonly { amount: number }[]): number {
  return entries.reduce((total, entry) => total + entry.amount, 0);
}

function expectValid(validate: ValidateFunction, value: unknown): void {
  const isValid = validate(value);
  expect(validate.errors ?? [], JSON.stringify(value, null, 1)).toEqual([]);
  expect(isValid).toBe(true);
}
