import { type ChildProcess, spawn } from 'node:child_process';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sleep } from '../../src/shared/clock.ts';
import { done, request } from './provider-under-test.ts';
import {
  apiKey,
  connectTo,
  controlOf,
  controlSecret,
  startSimulator,
  temporaryFolder,
  webhookSecret,
} from './simulator.ts';

let folder: { path: string; remove: () => Promise<void> };
const children = new Set<ChildProcess>();
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  await folder.remove();
});

async function spawnSimulator(): Promise<{ url: string; kill: () => Promise<void> }> {
  const config = join(folder.path, 'config.json');
  const dataDir = join(folder.path, 'books');
  await writeFile(config, JSON.stringify({ port: 0, dataDir, apiKey, controlSecret, webhookSecret }));
  const args = ['--import', 'tsx', 'simulators/payment-provider/serve.cli.ts', '--config', config];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const first = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`the simulator ended with ${code}`)));
  });
  return {
    url: (JSON.parse(first) as { url: string }).url,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

test('no acknowledged authorisation is lost when the provider is killed in the middle of its work', async () => {
  const acknowledged: string[] = [];
  const sent: string[] = [];
  for (let life = 0; life < 2; life += 1) {
    const simulator = await spawnSimulator();
    const { provider, outbound } = connectTo(simulator.url, { breakerCallsMin: 1_000_000 });
    let killed = false;
    const buyers = Array.from({ length: 16 }, async (_, buyer) => {
      for (let turn = 0; !killed && turn < 10_000; turn += 1) {
        const key = `life${life}-buyer${buyer}-${turn}`;
        sent.push(key);
        if ((await provider.authorise(request(key))).outcome === 'done') acknowledged.push(key);
      }
    });
    for (let turn = 0; turn < 5_000 && acknowledged.length < 300 * (life + 1); turn += 1) await sleep(5);
    await simulator.kill();
    killed = true;
    await Promise.all(buyers);
    await outbound.stop();
  }
  const healed = await spawnSimulator();
  const { provider, outbound } = connectTo(healed.url);
  const lines = await controlOf(healed.url).books();
  const inBooks = lines.filter(({ type }) => type === 'authorisation').map(({ key }) => key ?? '');
  expect(new Set(inBooks).size).toBe(inBooks.length);
  expect(acknowledged.filter((key) => !inBooks.includes(key))).toEqual([]);
  // A call whose answer was lost is settled by the books, whichever way.
  const unknown = sent.filter((key) => !acknowledged.includes(key));
  expect(unknown.length).toBeGreaterThan(0);
  expect(acknowledged.length).toBeGreaterThanOrEqual(600);
  for (const key of unknown.slice(0, 50)) {
    expect(done(await provider.find({ authoriseKey: key })).length > 0).toBe(inBooks.includes(key));
  }
  await outbound.stop();
  await healed.kill();
}, 60_000);

test('a last line that a killed provider left torn is dropped, and damage elsewhere is an error', async () => {
  const journal = join(folder.path, 'journal.ndjson');
  const first = await startSimulator(folder.path);
  const before = connectTo(first.url);
  done(await before.provider.authorise(request('a')));
  await before.outbound.stop();
  await first.stop();
  const whole = await readFile(journal, 'utf8');

  await appendFile(journal, '{"type":"authorised","id":"auth_torn","key":"b","amo');
  const second = await startSimulator(folder.path);
  const after = connectTo(second.url);
  expect(done(await after.provider.find({ authoriseKey: 'a' }))).toMatchObject([{ status: 'authorised' }]);
  expect(done(await after.provider.find({ authoriseKey: 'b' }))).toEqual([]);
  done(await after.provider.authorise(request('c')));
  await after.outbound.stop();
  await second.stop();
  expect((await readFile(journal, 'utf8')).startsWith(whole)).toBe(true);

  await writeFile(journal, `{"type":"authorised",\n${whole}`);
  await expect(startSimulator(folder.path)).rejects.toThrow('damaged');
});

test('the books are the same after a restart, answers and counts of arrivals included', async () => {
  const first = await startSimulator(folder.path);
  const before = connectTo(first.url);
  const { amount, ...rest } = request('a');
  const { providerReference } = done(await before.provider.authorise({ amount, ...rest }));
  done(await before.provider.capture({ key: 'c', providerReference, amount }));
  done(await before.provider.refund({ key: 'r', providerReference, amount }));
  await before.provider.authorise(request('b', 'tok_expired_card'));
  const voided = done(await before.provider.authorise(request('d')));
  done(await before.provider.void({ key: 'v', providerReference: voided.providerReference }));
  const refused = await before.provider.void({ key: 'v2', providerReference });
  const books = await controlOf(first.url).books();
  await before.outbound.stop();
  await first.stop();

  const second = await startSimulator(folder.path);
  const after = connectTo(second.url);
  expect(await controlOf(second.url).books()).toEqual(books);
  expect(await after.provider.void({ key: 'v2', providerReference })).toEqual(refused);
  expect(done(await after.provider.authorise(request('a'))).status).toBe('authorised');
  await after.outbound.stop();
  await second.stop();
});
