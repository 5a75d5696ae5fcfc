import { isRefused, type Refused } from '../shared/failure.ts';
import { newUuid } from '../shared/ids.ts';
import type { Database } from '../shared/postgres/client.ts';
import { type ImportProgress, runImport } from './import.run.ts';
import { type ImportSummary, renderSummary } from './import-summary.ts';

export { type ImportSummary, renderSummary } from './import-summary.ts';

/**
 * `onetill import products FILE`: imports, and writes the summary to `out` unless the file is refused; showing the
 * refusal is the caller's. `progress` is called a few times a second at the most.
 */
export async function importProducts(options: {
  readonly database: Database;
  readonly file: string;
  readonly merchantId: string;
  readonly out?: (text: string) => void;
  readonly progress?: (progress: ImportProgress) => void;
}): Promise<Refused | ImportSummary> {
  const { database, file, merchantId } = options;
  const actor = 'onetill import';
  const summary = await runImport({ database, file, merchantId, actor, newId: newUuid, onProgress: options.progress });
  if (!isRefused(summary)) options.out?.(renderSummary(summary));
  return summary;
}
