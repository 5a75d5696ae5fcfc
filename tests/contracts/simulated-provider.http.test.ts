import { describe, expect, test } from 'vitest';
import { paymentProviderContract } from './payment-provider.ts';
import { done, request } from './provider-under-test.ts';
import { connectTo, controlOf, startSimulator, temporaryFolder } from './simulator.ts';

const deadlineMs = 300;

paymentProviderContract({
  name: 'the simulator over HTTP',
  async start() {
    const folder = await temporaryFolder();
    const simulator = await startSimulator(folder.path);
    const { provider, outbound } = connectTo(simulator.url, { totalTimeoutMs: deadlineMs });
    return {
      provider,
      deadlineMs,
      ...controlOf(simulator.url),
      async stop() {
        await outbound.stop();
        await simulator.stop();
        await folder.remove();
      },
    };
  },
});

describe('the adapter to the simulated provider', () => {
  test('a provider that does not listen could not be posted to', async () => {
    const folder = await temporaryFolder();
    const simulator = await startSimulator(folder.path);
    await simulator.stop();
    const { provider, outbound } = connectTo(simulator.url);
    const expected = { outcome: 'could-not-post', reason: 'no_connection' };
    expect(await provider.authorise(request('a'))).toMatchObject(expected);
    expect(await provider.find({ authoriseKey: 'a' })).toMatchObject(expected);
    await outbound.stop();
    await folder.remove();
  });

  test('a wrong key of ours declines nobody’s payment', async () => {
    const folder = await temporaryFolder();
    const simulator = await startSimulator(folder.path);
    const { provider, outbound } = connectTo(simulator.url, {}, 'another-key');
    expect((await provider.authorise(request('a'))).outcome).toBe('retryable');
    await outbound.stop();
    const right = connectTo(simulator.url);
    expect(done(await right.provider.find({ authoriseKey: 'a' }))).toEqual([]);
    await right.outbound.stop();
    await simulator.stop();
    await folder.remove();
  });
});
