import type { Refused } from '../shared/failure.ts';
import { type ReadProgress, readCsvFile } from './csv-file.run.ts';
import { isRetailHeader, parseRow, type RetailLine, type RowFault, retailColumns } from './online-retail.ts';

/** Reads a file of order lines. A row that cannot be parsed is handed on as a fault and costs no other row. */
export async function readRetailFile(options: {
  readonly file: string;
  /** Called with every row, in the order of the file. `line` counts from 1, the header included. */
  readonly onRow: (row: RetailLine | RowFault, line: number) => void;
  readonly onProgress?: ((progress: ReadProgress) => void) | undefined;
}): Promise<Refused | { rowsRead: number }> {
  const { file, onRow, onProgress } = options;
  return await readCsvFile({
    file,
    onProgress,
    expected: `${retailColumns.join(',')} (order lines)`,
    begin: (names) => (isRetailHeader(names) ? (fields, line) => onRow(parseRow(fields), line) : null),
  });
}
