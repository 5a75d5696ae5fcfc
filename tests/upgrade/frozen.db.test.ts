import { expect, inject, test } from 'vitest';
import { newUuid } from '../../src/shared/ids.ts';
import { connect } from '../../src/shared/postgres/client.ts';
import { finishFrozen, readFrozen } from './frozen.ts';
import { frozenReleases } from './releases.ts';

async function emptyDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const admin = connect({ url: inject('postgresUrl'), applicationName: 'tests', connectionsMax: 1 });
  const name = `onetill_frozen_${newUuid().replaceAll('-', '')}`;
  await admin.execute({ text: `create database ${name}` });
  return {
    url: Object.assign(new URL(inject('postgresUrl')), { pathname: `/${name}` }).toString(),
    async drop() {
      await admin.execute({ text: `drop database ${name} with (force)` });
      await admin.close();
    },
  };
}

test.each(frozenReleases.map(({ release }) => release))(
  'orders, sagas and messages that were frozen by an older release come to their ends under this one: %s',
  async (release) => {
    const scratch = await emptyDatabase();
    try {
      const { figures, violations } = await finishFrozen(await readFrozen(release), {
        url: scratch.url,
        where: release,
      });
      console.info(figures);
      expect(violations).toEqual([]);
      expect(figures['frozen orders']).toBeGreaterThanOrEqual(12);
      expect(figures['kinds of states']).toBeGreaterThanOrEqual(7);
      expect(figures['kinds of messages']).toBe(8);
      expect(figures['frozen dead letters']).toBeGreaterThanOrEqual(1);
      expect(figures.confirmed).toBeGreaterThanOrEqual(7);
      expect(figures.cancelled).toBeGreaterThanOrEqual(4);
    } finally {
      await scratch.drop();
    }
  },
  120_000,
);
