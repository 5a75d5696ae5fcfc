import { importProducts } from '../catalog/import.cli.ts';
import type { ImportProgress } from '../catalog/import.run.ts';
import type { ImportSummary } from '../catalog/import-summary.ts';
import { isRefused, type Refused } from '../shared/failure.ts';
import { writeAudit } from './audit.sql.ts';
import type { Deed } from './deed.ts';

/** Imports the catalogue from a file, and puts on record who did it. */
export async function importCatalogue(
  deed: Deed,
  file: string,
  progress: (progress: ImportProgress) => void,
): Promise<Refused | ImportSummary> {
  const { database, merchantId } = deed;
  const summary = await importProducts({ database, file, merchantId, progress });
  if (isRefused(summary)) return summary;
  const detail = `${summary.rowsTaken} of ${summary.rowsRead} rows of ${file}`;
  await database.transaction((tx) =>
    writeAudit(tx, {
      entryId: deed.newId(),
      merchantId,
      orderId: null,
      actor: deed.by,
      action: 'products imported',
      detail,
    }),
  );
  return summary;
}
