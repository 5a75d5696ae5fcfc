import { bookLines } from '../../simulators/payment-provider/book-lines.ts';
import { addFault } from '../../simulators/payment-provider/faults.ts';
import { createInMemoryProvider } from '../../simulators/payment-provider/in-memory.run.ts';
import { machineClock, sleep } from '../../src/shared/clock.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { paymentProviderContract } from './payment-provider.ts';
import type { BookLine } from './provider-under-test.ts';

const deadlineMs = 150;

paymentProviderContract({
  name: 'in memory',
  async start() {
    const world = createInMemoryProvider({
      nowMs: machineClock.nowMs,
      newId: newUuid,
      sleep,
      deadlineMs,
      onError(error) {
        throw error;
      },
    });
    return {
      provider: world.provider,
      deadlineMs,
      async inject(order) {
        const rule = addFault(world.faults, newUuid(), order);
        if (typeof rule === 'string') throw new Error(rule);
      },
      hits: async () => world.faults.rules.reduce((sum, rule) => sum + rule.hits, 0),
      books: async () => [...bookLines(world.books)].map((line) => JSON.parse(line) as BookLine),
      stop: async () => world.stop(),
    };
  },
});
