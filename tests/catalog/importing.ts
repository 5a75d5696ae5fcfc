import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ImportSummary, importProducts } from '../../src/catalog/import.cli.ts';
import { isRefused, type Refused } from '../../src/shared/failure.ts';
import { newUuid } from '../../src/shared/ids.ts';
import type { Database } from '../../src/shared/postgres/client.ts';
import { createTestDatabase } from '../harness/database.ts';

export type Imports = {
  readonly database: Database;
  /** Of the database, for commands. */
  readonly url: string;
  readonly folder: string;
  /** Makes a merchant who sells in this currency, and gives its id. */
  addMerchant(currency: string): Promise<string>;
  importFile(file: string, merchantId: string): Promise<Refused | ImportSummary>;
  importBytes(bytes: Buffer, merchantId: string): Promise<Refused | ImportSummary>;
  importText(lines: readonly string[], merchantId: string): Promise<Refused | ImportSummary>;
  stop(): Promise<void>;
};

/** A database and a folder of their own, to import files into and from. */
export async function openImports(): Promise<Imports> {
  const scratch = await createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), 'onetill-import-'));
  const { database } = scratch;
  const importFile = (file: string, merchantId: string) => importProducts({ database, file, merchantId });
  async function importBytes(bytes: Buffer, merchantId: string): Promise<Refused | ImportSummary> {
    const file = join(folder, `${newUuid()}.csv`);
    await writeFile(file, bytes);
    return importFile(file, merchantId);
  }
  return {
    database,
    url: scratch.url,
    folder,
    importFile,
    importBytes,
    importText: (lines, merchantId) => importBytes(Buffer.from(`${lines.join('\n')}\n`), merchantId),
    async addMerchant(currency) {
      const merchantId = `m-${newUuid()}`;
      await database.execute({
        text: `insert into merchants (merchant_id, name, currency, country) values ($1, 'Test', $2, 'GB')`,
        values: [merchantId, currency],
      });
      return merchantId;
    },
    async stop() {
      await scratch.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export function taken(summary: Refused | ImportSummary): ImportSummary {
  if (isRefused(summary)) throw new Error(summary.message);
  return summary;
}
