import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FaultOrder } from '../../simulators/payment-provider/faults.ts';
import { startPaymentProvider } from '../../simulators/payment-provider/server.run.ts';
import type { PaymentProvider } from '../../src/payments/provider.ts';
import { createSimulatedProvider } from '../../src/payments/providers/simulated.client.ts';
import { silentLogger } from '../../src/shared/log.ts';
import { createOutbound, type Outbound } from '../../src/shared/outbound.ts';
import { type Party, type PartyName, parties } from '../../src/shared/parties.ts';
import { Secret } from '../../src/shared/secret.ts';
import type { BookLine } from './provider-under-test.ts';

export const apiKey = 'key-of-the-tests';
export const controlSecret = 'control-of-the-tests';
export const webhookSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';

/** A folder that `remove` takes away again. */
export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'payment-provider-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

export async function startSimulator(dataDir: string, more: { webhookUrl?: string; webhookRetryMs?: number } = {}) {
  return startPaymentProvider({ port: 0, dataDir, apiKey, controlSecret, webhookSecret, log: silentLogger, ...more });
}

/** The real outbound client and adapter, with the party's limits where a test needs others. */
export function connectTo(
  url: string,
  limits: Partial<Record<'totalTimeoutMs' | 'concurrencyMax' | 'queueMax' | 'breakerCallsMin', number>> = {},
  key = apiKey,
): { provider: PaymentProvider; outbound: Outbound<PartyName> } {
  const changed = Object.entries(limits).map(([name, value]) => [name, { value, why: 'the test needs it' }]);
  const party: Party = { ...parties['payment-provider'], ...Object.fromEntries(changed) };
  const outbound = createOutbound({
    parties: { 'payment-provider': party },
    origins: { 'payment-provider': [{ origin: url, reach: 'loopback' }] },
  });
  return { provider: createSimulatedProvider({ outbound, origin: url, apiKey: new Secret(key) }), outbound };
}

/** The control routes of a simulator. */
export function controlOf(url: string) {
  const headers = { 'x-control-secret': controlSecret };
  return {
    async inject(order: FaultOrder): Promise<void> {
      const response = await fetch(`${url}/control/faults`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/json' },
        body: JSON.stringify(order),
      });
      if (response.status !== 201) throw new Error(`the fault was not taken: ${await response.text()}`);
    },
    async hits(): Promise<number> {
      const response = await fetch(`${url}/control/faults`, { headers });
      const { faults } = (await response.json()) as { faults: { hits: number }[] };
      return faults.reduce((sum, fault) => sum + fault.hits, 0);
    },
    async books(): Promise<BookLine[]> {
      const response = await fetch(`${url}/control/books`, { headers });
      const lines = (await response.text()).trim().split('\n');
      return lines.map((line) => JSON.parse(line) as BookLine);
    },
  };
}
