import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DurableServer, startDurableServer } from '../harness/durable-server.ts';
import { seedOf } from '../harness/world.ts';
import { extractRelease, hasWholeHistory } from './old-code.ts';
import { previousRelease } from './releases.ts';
import { type Meeting, rollOut } from './rolling.ts';

/** Null in a shallow clone: then there is no code of the release before to run. */
let oldTree: string | null = null;
let server: DurableServer;
beforeAll(async () => {
  oldTree = await extractRelease(previousRelease.commit);
  server = await startDurableServer();
});
afterAll(async () => {
  await server?.stop();
  if (oldTree !== null) await rm(oldTree, { recursive: true, force: true });
});

test.each<[string, Meeting]>([
  ['processes of the release before serve on the schema of this one, beside a worker of this one', 'new schema'],
  ['what is bought while this release runs on a schema that was not migrated ends once it is', 'old schema'],
])(
  '%s',
  async (_, meeting) => {
    if (oldTree === null) {
      console.info(`left out: this clone is shallow, so ${previousRelease.commit} cannot be run`);
      expect(await hasWholeHistory(), `${previousRelease.commit} is missing`).toBe(false);
      return;
    }
    const seed = seedOf(meeting);
    const databaseUrl = await server.createDatabase();
    const { figures, violations } = await rollOut({ databaseUrl, meeting, oldTree, buyers: 24, seed });
    console.info(figures);
    expect(violations).toEqual([]);
    expect(figures.confirmed).toBeGreaterThanOrEqual(5);
    expect(figures.cancelled).toBeGreaterThanOrEqual(1);
    expect(figures.workers).toBe(meeting === 'new schema' ? 2 : 1);
  },
  150_000,
);
