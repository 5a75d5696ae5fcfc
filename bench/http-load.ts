import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import { newUuid } from '../src/shared/ids.ts';
import { prefix } from '../src/storefront-api/ucp/v2026-04-08/version.ts';
import type { Plan, Result } from './generator-plan.ts';
import type { Run } from './reference.ts';

/** The generator, a process of its own. It makes one run after the other. */
export type Generator = {
  run(plan: Omit<Plan, 'host' | 'port'> & { readonly url: string }): Promise<Result>;
  stop(): Promise<void>;
};

const generatorFile = fileURLToPath(new URL('generator.ts', import.meta.url));

export async function startGenerator(): Promise<Generator> {
  const child = spawn(process.execPath, ['--import', 'tsx', generatorFile], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const nextLine = async () => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the generator ended before it answered');
    return value as string;
  };
  await nextLine();
  return {
    async run({ url, ...plan }) {
      const { hostname: host, port } = new URL(url);
      child.stdin.write(`${JSON.stringify({ ...plan, host, port: Number(port) } satisfies Plan)}\n`);
      return JSON.parse(await nextLine()) as Result;
    },
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}

/** A request as it goes over the wire. */
export function rawRequest(path: string, body: string, headers: Readonly<Record<string, string>>): string {
  const all = {
    host: 'localhost',
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`;
}

/** What a complete says: the one payment method that the demo shop takes, and a token that is accepted. */
export const completePayment = {
  payment: {
    instruments: [
      {
        id: 'card',
        handler_id: 'simulated',
        type: 'card',
        selected: true,
        credential: { type: 'token', token: 'tok_ok' },
      },
    ],
  },
};
const completeBody = JSON.stringify(completePayment);

/** The complete of a checkout of the shop, under a key of its own. */
export function completeRequest(checkoutId: string): string {
  return rawRequest(`${prefix}/checkout-sessions/chk_${checkoutId}/complete`, completeBody, {
    'x-api-key': demoMerchant.apiKey,
    'idempotency-key': newUuid(),
  });
}

/** In the answer to every complete whose order is committed. */
export const completed = '"complete_in_progress"';

/** The figures of a run in which every request must have been accepted. */
export function acceptedRun(result: Result): Run {
  const { latenciesMs, seconds, failed, refused, failure } = result;
  if (failed + refused > 0) throw new Error(`${failed} requests failed and ${refused} were refused: ${failure}`);
  return { orders: latenciesMs.length, perSecond: latenciesMs.length / seconds, latenciesMs };
}
