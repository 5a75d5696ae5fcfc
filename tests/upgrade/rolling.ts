import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startPaymentProvider } from '../../simulators/payment-provider/server.run.ts';
import { newUuid } from '../../src/shared/ids.ts';
import { silentLogger } from '../../src/shared/log.ts';
import { connect, type Database } from '../../src/shared/postgres/client.ts';
import { seedShop } from '../harness/shop.ts';
import { randomFrom } from '../harness/world.ts';
import { collectEvidence, collectTexts, fetchAuthorisations } from '../judges/collect.ts';
import { figuresOf } from '../judges/figures.ts';
import { createHistory, type History } from '../judges/history.ts';
import { judgedAt } from '../judges/judges.ts';
import { createRecordingClient } from '../judges/recording-client.ts';
import { awaitRest } from '../judges/rest.ts';
import type { Thawed } from './frozen.ts';
import { freePort, type Kind, type ReleaseProcess, startRelease } from './release-process.ts';

/**
 * How two releases meet on one database.
 *
 * - `new schema`: the migration comes first, as it must; then the processes of the release before serve on it, while a
 *   worker of today works beside theirs.
 * - `old schema`: the migration was forgotten. The processes of today that meet the schema of the release before may
 *   settle nothing there, but must lose nothing either: once it is migrated, all that was bought meanwhile ends.
 */
export type Meeting = 'new schema' | 'old schema';

export type RollingOptions = {
  /** Of a server that keeps what it has committed; an empty database. */
  readonly databaseUrl: string;
  readonly meeting: Meeting;
  /** The tree of the release before. */
  readonly oldTree: string;
  readonly buyers: number;
  readonly seed: number;
  readonly onProgress?: (line: string) => void;
};

const newTree = fileURLToPath(new URL('../..', import.meta.url));
const restMsMax = 60_000;
const tokens = [
  'tok_ok',
  'tok_ok',
  'tok_card_declined',
  'tok_ok.act_and_cut',
  'tok_ok.act_twice',
  'tok_ok.fail_before',
];

export async function rollOut(options: RollingOptions): Promise<Thawed> {
  const { meeting, oldTree, onProgress = () => {} } = options;
  const shop = await openShop(options.databaseUrl);
  const history = createHistory();
  try {
    await shop.run(meeting === 'new schema' ? newTree : oldTree, 'migrate');
    await seedShop(shop.database, { PLENTY: 100_000, SCARCE: 5 });
    // On the old schema the workers are those of today alone, or the old ones would do all that these cannot.
    const ofBefore: readonly Kind[] = meeting === 'new schema' ? ['api', 'worker', 'sweeper'] : ['api'];
    const ofToday: readonly Kind[] = meeting === 'new schema' ? ['worker'] : ['worker', 'sweeper'];
    await shop.start([
      ...ofBefore.map((kind) => [oldTree, kind] as const),
      ...ofToday.map((kind) => [newTree, kind] as const),
    ]);
    onProgress(`${meeting}: all processes are ready`);
    await buy(options, history, shop.url);
    onProgress(`${meeting}: ${history.calls().length} calls were made`);
    if (meeting === 'old schema') await shop.run(newTree, 'migrate');
    const unrest = await awaitRest({
      database: shop.database,
      withinMs: restMsMax,
      onProgress: (line) => onProgress(`${meeting}: ${line}`),
    });
    const evidence = await collectEvidence(shop.database, {
      history: history.calls(),
      theirs: await fetchAuthorisations(shop.providerUrl, keys.controlSecret),
      planted: [],
      texts: await collectTexts(shop.database),
    });
    const violations = [...unrest.map((each) => ({ ...each, where: meeting })), ...judgedAt(evidence, meeting)];
    return { figures: { ...figuresOf(evidence), workers: await workersOf(shop.database) }, violations };
  } finally {
    await shop.stop();
  }
}

const keys = {
  apiKey: 'key-of-the-upgrade',
  controlSecret: 'control-of-the-upgrade',
  webhookSecret: `whsec_${Buffer.from('secret of the upgrade suite').toString('base64')}`,
} as const;

/** A provider, and processes of both releases that know it. */
async function openShop(databaseUrl: string) {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const dataDir = await mkdtemp(join(tmpdir(), 'onetill-rolling-'));
  const provider = await startPaymentProvider({
    port: 0,
    dataDir,
    ...keys,
    webhookUrl: `${url}/webhooks/simulated`,
    log: silentLogger,
  });
  const database = connect({ url: databaseUrl, applicationName: 'upgrade', connectionsMax: 4 });
  const environment = {
    DATABASE_URL: databaseUrl,
    PORT: String(port),
    PAYMENT_PROVIDER_URL: provider.url,
    PAYMENT_PROVIDER_API_KEY: keys.apiKey,
    PAYMENT_PROVIDER_WEBHOOK_SECRETS: keys.webhookSecret,
  };
  const started: ReleaseProcess[] = [];
  return {
    url,
    database,
    providerUrl: provider.url,
    /** Runs a command of a release to its end. */
    async run(tree: string, kind: Kind): Promise<void> {
      const code = await startRelease(tree, kind, environment).ended;
      if (code !== 0) throw new Error(`${kind} ended with ${code}`);
    },
    async start(those: readonly (readonly [tree: string, kind: Kind])[]): Promise<void> {
      for (const [tree, kind] of those) started.push(startRelease(tree, kind, environment));
      await Promise.all(started.map(({ ready }) => ready));
    },
    async stop(): Promise<void> {
      await Promise.all(started.map((each) => each.stop()));
      await provider.stop();
      await database.close();
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** Buyers who pay, are declined, change their mind or come too late. Many orders of one of them would be held. */
async function buy({ buyers, seed }: RollingOptions, history: History, url: string): Promise<void> {
  const random = randomFrom(seed);
  const first = Math.floor(random() * tokens.length);
  const asked = Array.from({ length: buyers }, (_, index) => ({
    name: `buyer-${index}`,
    // Dealt in turn: each token is there four times in 24, whatever the seed. Drawn, a decline was once not among them.
    token: tokens[(first + index + Math.floor(index / tokens.length)) % tokens.length] ?? 'tok_ok',
    sku: index % 6 === 5 ? 'SCARCE' : 'PLENTY',
    isCancelled: index % 7 === 6,
  }));
  await Promise.all(
    asked.map(async ({ name, token, sku, isCancelled }) => {
      const client = createRecordingClient({ origin: () => url, apiKey: 'key-shop', client: name, history });
      const { checkout } = await client.create(
        { lines: { [sku]: 2 }, email: `${name}@example.com` },
        { key: newUuid(), triesMax: 5 },
      );
      if (checkout === null) throw new Error(`${name} was shown no checkout`);
      if (isCancelled) return void (await client.cancel(checkout.checkoutId, { key: newUuid(), triesMax: 5 }));
      const ask = { key: newUuid(), token, triesMax: 5 };
      await client.complete(checkout, ask);
      await client.complete(checkout, ask);
    }),
  );
}

/** Each worker signs what it does to an order. */
async function workersOf(database: Database): Promise<number> {
  const [found] = await database.query<{ count: number }>({
    text: `select count(distinct actor)::integer as count from audit_entries where actor like 'worker %'`,
  });
  return found?.count ?? 0;
}
