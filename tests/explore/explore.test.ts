import { expect, test } from 'vitest';
import { explore } from './explore.ts';

/** Some ten seconds of one core, and more of a busy one. */
const walkMsMax = 180_000;

test(
  'two buyers of one last item come to their ends through every interleaving, with any one fault on the way',
  () => {
    const walked = explore({ leases: 0, others: 1 });
    console.info(`explored: ${walked.states} states, ${walked.edges} edges`);
    expect(walked.broken).toEqual([]);
    expect(walked.stuck).toEqual([]);
    expect([...walked.ends.keys()].sort()).toEqual([
      'cancelled order_refused',
      'cancelled payment_failed',
      'cancelled payment_timed_out',
      'confirmed',
    ]);
    expect(walked.faults.size, 'kinds of faults').toBeGreaterThanOrEqual(12);
    expect(walked.states).toBeGreaterThan(20_000);
  },
  walkMsMax,
);

test(
  'the walk finds a worker without its lease that writes over what the new holder has written',
  () => {
    const plant = 'a worker without its lease writes what it learned';
    const { broken } = explore({ leases: 1, others: 1 }, { plant, statesMax: 60_000 });
    expect(broken.join()).toContain('a payment from authorised to unknown');
  },
  walkMsMax,
);

test(
  'the walk finds money that stays with the provider because a void without an answer counted as done',
  () => {
    const { stuck } = explore({ leases: 0, others: 1 }, { plant: 'a void without an answer counts as done' });
    expect(stuck.join()).toContain('void');
  },
  walkMsMax,
);
