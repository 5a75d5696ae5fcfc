import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { looksLikeCardNumber } from '../shared/card-numbers.ts';
import { isRefused, type Refused, RefusedError, refuse } from '../shared/failure.ts';
import { fieldsOf, type LineFault, lineCutter, type NumberedLine } from './csv-lines.ts';

/** Takes a row: its fields, or why it has none. `line` counts from 1, the header included. */
export type TakeRow = (fields: readonly string[] | LineFault, line: number) => void;

export type ReadOptions = {
  readonly file: string;
  /** Given the names of the columns, trimmed and in lower case: what takes the rows. Null: not one of our files. */
  readonly begin: (names: readonly string[]) => Refused | TakeRow | null;
  /** The columns of our files, for the refusal of another one. */
  readonly expected: string;
  readonly onProgress?: ((progress: ReadProgress) => void) | undefined;
};

/** `bytesRead` of `bytesTotal` of the file as it lies on disk, compressed or not. */
export type ReadProgress = { readonly rows: number; readonly bytesRead: number; readonly bytesTotal: number };

/** The whole data set has 541,909 rows. A file beyond this is another one, or a bomb of zeros. */
export const fileRowsMax = 20_000_000;
const fileCharsMax = 8_000_000_000;
const progressEveryRows = 10_000;

/**
 * Reads a file of comma-separated values, gzipped or plain, in bounded memory. A row that has no fields is handed on as
 * a fault and costs no other row. A file that cannot be read to its end, or has another header, is refused.
 */
export async function readCsvFile(options: ReadOptions): Promise<Refused | { rowsRead: number }> {
  try {
    return await read(options);
  } catch (error) {
    if (error instanceof RefusedError) return error.refusal;
    const reason = reasons[String((error as { code?: unknown }).code)];
    if (reason === undefined) throw error;
    return refuseFile(options.file, reason);
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EISDIR: 'it is a folder',
  EACCES: 'this user may not read it',
  EIO: 'the disk does not give it',
  Z_BUF_ERROR: 'it is gzip that ends too early; copy it again',
  Z_DATA_ERROR: 'it is gzip that is damaged; copy it again',
};

export function refuseFile(file: string, reason: string): Refused {
  return refuse('input_invalid', `${file} cannot be imported: ${reason}.`, { path: '$.file' });
}

async function read(options: ReadOptions): Promise<{ rowsRead: number }> {
  const { bytesTotal, isGzip } = await look(options.file);
  const source = createReadStream(options.file);
  const rows = rowReader(options, () => ({ bytesRead: source.bytesRead, bytesTotal }));
  const cutter = lineCutter();
  // Broken UTF-8 becomes U+FFFD, for which the row and not the file is refused. A byte order mark is dropped.
  const decoder = new TextDecoder('utf-8');
  let chars = 0;
  async function consume(chunks: AsyncIterable<Buffer>): Promise<void> {
    for await (const chunk of chunks) {
      chars += chunk.length;
      if (chars > fileCharsMax) throw new RefusedError(refuseFile(options.file, 'it unpacks to more than 8 GB'));
      for (const line of cutter.push(decoder.decode(chunk, { stream: true }))) rows.take(line);
    }
    for (const line of cutter.push(decoder.decode())) rows.take(line);
    for (const line of cutter.end()) rows.take(line);
  }
  let thrown: unknown = null;
  const consumeAndTell = (chunks: AsyncIterable<Buffer>): Promise<void> =>
    consume(chunks).catch((error: unknown) => {
      thrown = error;
      throw error;
    });
  try {
    await (isGzip ? pipeline(source, createGunzip(), consumeAndTell) : pipeline(source, consumeAndTell));
  } catch (error) {
    // A pipeline of three that is left in the middle says that it was aborted, and not why.
    throw (error as Error).name === 'AbortError' ? (thrown ?? error) : error;
  }
  return { rowsRead: rows.end() };
}

/** Gzip is told by its first two bytes and not by its name. */
async function look(file: string): Promise<{ bytesTotal: number; isGzip: boolean }> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return { bytesTotal: size, isGzip: bytesRead === 2 && buffer.readUInt16BE(0) === 0x1f8b };
  } finally {
    await handle.close();
  }
}

function rowReader(options: ReadOptions, bytes: () => { bytesRead: number; bytesTotal: number }) {
  let takeRow: TakeRow | null = null;
  let rows = 0;
  function take(line: NumberedLine): void {
    if (line.text?.trim() === '') return;
    if (takeRow === null) {
      takeRow = begin(options, line.text ?? '');
      return;
    }
    rows += 1;
    if (rows > fileRowsMax) throw new RefusedError(refuseFile(options.file, `it has more than ${fileRowsMax} rows`));
    takeRow(line.text === null ? 'too_long' : (fieldsOf(line.text) ?? 'wrong_columns'), line.number);
    if (rows % progressEveryRows === 0) options.onProgress?.({ rows, ...bytes() });
  }
  function end(): number {
    if (takeRow === null) throw new RefusedError(refuseFile(options.file, 'it is empty'));
    options.onProgress?.({ rows, ...bytes() });
    return rows;
  }
  return { take, end };
}

function begin(options: ReadOptions, text: string): TakeRow {
  const names = fieldsOf(text)?.map((name) => name.trim().toLowerCase()) ?? [];
  const takeRow = options.begin(names);
  if (isRefused(takeRow)) throw new RefusedError(takeRow);
  if (takeRow !== null) return takeRow;
  const reason = `its first line must name the columns ${options.expected}, and it ${beginningOf(text)}`;
  throw new RefusedError(refuseFile(options.file, reason));
}

/** What a first line begins with: enough to see what is wrong with it, and no card number. */
function beginningOf(text: string): string {
  if (looksLikeCardNumber(text)) return 'holds what looks like a card number';
  const shown = text.slice(0, 60).replace(/[^\x20-\x7e]/g, '?');
  const isOtherwiseParted = !text.includes(',') && /[;\t]/.test(text);
  return `begins with "${shown}"${isOtherwiseParted ? '; columns are parted by commas' : ''}`;
}
