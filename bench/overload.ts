import { demoMerchant } from '../src/main/demo-shop.sql.ts';
import { checkPromises } from './checks.ts';
import { newCheckouts } from './committing.ts';
import type { Result } from './generator-plan.ts';
import { countOrders, type Ground, settle } from './ground.ts';
import { acceptedRun, completed, completeRequest, type Generator, startGenerator } from './http-load.ts';
import { pause } from './load.ts';
import { latenciesOf, median, shown } from './percentiles.ts';
import { startApart } from './processes.ts';
import type { Section } from './section.ts';
import { wantAtLeast, wantAtMost } from './want.ts';

const peakConnections = 64;
const warmUpOrders = 1_000;
const overloadFactor = 3;
/** More than the API lets in at once, so that it is the API that refuses and not this that waits. */
const connectionsMax = 1_500;
const goodputWanted = 0.9;
const recoveryMs = 1_000;

/** Three times as many orders as can be had, whether or not they are answered: what comes of it, and what after it. */
export async function measureOverload(ground: Ground): Promise<Section> {
  const overloadSeconds = ground.pace.secondsPerRun * 2;
  const open = newCheckouts(ground.database);
  const api = await startApart({ part: 'api', databaseUrl: ground.url });
  const generator = await startGenerator();
  let acknowledged = await countOrders(ground.database);
  const runAt = async (perSecond: number | null, orders: number): Promise<Result> => {
    const requests = (await open(Math.ceil(orders))).map(completeRequest);
    await settle(ground.database);
    const result = await load(generator, api.url, perSecond, requests);
    acknowledged += result.latenciesMs.length;
    return result;
  };
  try {
    const warmUp = acceptedRun(await runAt(null, warmUpOrders));
    const orders = warmUp.perSecond * ground.pace.secondsPerRun;
    const before = [acceptedRun(await runAt(null, orders)), acceptedRun(await runAt(null, orders))];
    const peak = median(before.map(({ perSecond }) => perSecond));
    const over = await runAt(peak * overloadFactor, peak * overloadFactor * overloadSeconds);
    await pause(recoveryMs);
    const after = acceptedRun(await runAt(null, orders)).perSecond;
    await checkPromises(ground.database, demoMerchant.merchantId, acknowledged);
    return section({ peak, over, after, overloadSeconds });
  } finally {
    await generator.stop();
    await api.stop();
  }
}

function load(generator: Generator, url: string, perSecond: number | null, requests: readonly string[]) {
  const connections = perSecond === null ? peakConnections : connectionsMax;
  return generator.run({ url, connections, perSecond, requests, repeats: 1, expected: completed });
}

type Found = {
  readonly peak: number;
  readonly over: Result;
  readonly after: number;
  readonly overloadSeconds: number;
};

function section({ peak, over, after, overloadSeconds }: Found): Section {
  const asked = over.latenciesMs.length + over.refused + over.failed;
  // Only what was answered while the load lasted: what is worked off afterwards is no goodput under load.
  const during = over.answeredAtMs.filter((atMs) => atMs <= overloadSeconds * 1000).length / overloadSeconds;
  const { p50, p99 } = latenciesOf(over.latenciesMs);
  return {
    name: 'overload',
    title: `The API at ${overloadFactor} times its capacity`,
    columns: ['', 'here'],
    rows: [
      [`peak before, ${peakConnections} connections`, `${shown(peak)} orders/s`],
      ['asked for', `${shown(asked / overloadSeconds)} orders/s`],
      ['accepted while it lasted', `${shown(during)} orders/s`],
      ['p50 of the accepted', `${shown(p50)} ms`],
      ['p99 of the accepted', `${shown(p99)} ms`],
      ['refused with Retry-After', `${shown((100 * over.refused) / asked)} %`],
      ['failed otherwise', `${shown((100 * over.failed) / asked)} %`],
      ['peak after', `${shown(after)} orders/s`],
    ],
    wants: [
      wantAtLeast('goodput during, of the peak', goodputWanted, during / peak),
      wantAtLeast('goodput after, of the peak', goodputWanted, after / peak),
      wantAtMost('failed without a word of when to come again', 0, over.failed),
    ],
    notes: [
      `An open loop of ${overloadSeconds} s over at most ${connectionsMax} connections: requests begin at an even pace
      whether or not those before are answered, and latency counts from the time at which a request was due. Every
      accepted request is an order in the books, and no other one is.`,
      `The generator takes its part of the same cores, three times as much of it as at the peak:
      ${shown((100 * over.cpuSeconds) / over.seconds)} % of one core. ${
        over.failure === null
          ? 'Nothing failed otherwise.'
          : `An example of what failed: ${over.failure.slice(0, 120)}.`
      }`,
    ],
    figures: {
      peak,
      asked,
      during,
      after,
      refused: over.refused,
      failed: over.failed,
      accepted: over.latenciesMs.length,
      latencies: latenciesOf(over.latenciesMs),
    },
  };
}
