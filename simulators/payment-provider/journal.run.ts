import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { Bug } from '../../src/shared/assert.ts';
import { sleep } from '../../src/shared/clock.ts';
import { toError } from '../../src/shared/failure.ts';
import type { Entry } from './books.ts';

/**
 * The provider's books on disk: one JSON object a line, only ever appended. Entries that arrive while a write is under
 * way share the next write and its fsync, so the rate is that of requests and not of the disk.
 */
export type Journal = {
  /**
   * Resolves once the entries are on disk. While the disk is full it waits for room. After any other failed write every
   * append is rejected: the books are in doubt.
   */
  readonly append: (entries: readonly Entry[]) => Promise<void>;
  /** Resolves once all that was appended before is on disk. Rejected for good after a failed write, like an append. */
  readonly settled: () => Promise<void>;
  readonly close: () => Promise<void>;
};

const fileName = 'journal.ndjson';
/** A journal in which more lines than this are spent is rewritten at the start. */
const spentLinesMaxDefault = 50_000;

/**
 * Opens the journal of the folder and hands every entry of it to `replay`, oldest first. A last line that a killed
 * process left torn is cut off: nobody was told of it. A torn line elsewhere is damage, and an error.
 */
export async function openJournal(
  dataDir: string,
  replay: (entry: Entry) => void,
  spentLinesMax = spentLinesMaxDefault,
): Promise<Journal> {
  await mkdir(dataDir, { recursive: true });
  const path = join(dataDir, fileName);
  const spent = await replayFile(path, replay);
  if (spent.lines > spentLinesMax) await compact(path, spent.events);
  const file = await open(path, 'a');
  await syncFolder(dataDir);
  return appendTo(file, (await file.stat()).size);
}

/** While the disk is full it is tried again after so long. */
const fullDiskRetryMs = 500;

/** Appends to the file, of which so many bytes are good. */
export function appendTo(
  file: Pick<FileHandle, 'appendFile' | 'datasync' | 'truncate' | 'close'>,
  size: number,
): Journal {
  let goodBytes = size;
  const closing = new AbortController();

  async function writeWhole(text: string): Promise<void> {
    for (;;) {
      try {
        await file.appendFile(text);
        await file.datasync();
        goodBytes += Buffer.byteLength(text);
        return;
      } catch (error) {
        if (!isDiskFull(error) || closing.signal.aborted) throw error;
        // What was written of it goes, or the next try would stand behind a torn line.
        await file.truncate(goodBytes);
        await sleep(fullDiskRetryMs, closing.signal);
      }
    }
  }

  type Waiting = { text: string; resolve: () => void; reject: (error: Error) => void };
  let waiting: Waiting[] = [];
  let writing: Promise<void> | null = null;
  let failure: Error | null = null;

  async function write(): Promise<void> {
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      try {
        if (failure !== null) throw failure;
        await writeWhole(group.map((one) => one.text).join(''));
        for (const one of group) one.resolve();
      } catch (error) {
        failure = toError(error);
        for (const one of group) one.reject(failure);
      }
    }
    writing = null;
  }

  function append(entries: readonly Entry[]): Promise<void> {
    const text = entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
    return new Promise((resolve, reject) => {
      waiting.push({ text, resolve, reject });
      // The write begins in a later turn, so that requests of one turn share it.
      writing ??= new Promise<void>((later) => setImmediate(later)).then(write);
    });
  }

  return {
    append,
    settled: () => (writing === null && failure === null ? Promise.resolve() : append([])),
    async close() {
      closing.abort();
      if (writing !== null) await writing;
      await file.close();
    },
  };
}

function isDiskFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT'].includes(String((error as NodeJS.ErrnoException).code));
}

/** What a rewrite would save: repeated arrivals of a key, and deliveries that are over. */
type Spent = { lines: number; readonly keys: Set<string>; readonly events: Set<string> };

async function replayFile(path: string, replay: (entry: Entry) => void): Promise<Spent> {
  const spent: Spent = { lines: 0, keys: new Set(), events: new Set() };
  const file = await open(path, 'a+');
  try {
    let goodBytes = 0;
    for await (const line of linesOf(file)) {
      const entry = line.whole ? parse(line.text) : null;
      if (entry === null) {
        if (!line.last) throw new Bug(`the payment provider's journal is damaged at byte ${goodBytes} of ${path}`);
        break;
      }
      replay(entry);
      goodBytes += line.bytes;
      if (entry.type === 'arrived') {
        if (spent.keys.has(entry.key)) spent.lines += 1;
        spent.keys.add(entry.key);
      }
      if (entry.type === 'delivered' || entry.type === 'abandoned') {
        spent.lines += 1;
        spent.events.add(entry.event);
      }
    }
    await file.truncate(goodBytes);
    return spent;
  } finally {
    await file.close();
  }
}

function parse(text: string): Entry | null {
  try {
    return JSON.parse(text) as Entry;
  } catch {
    return null;
  }
}

type Line = { readonly text: string; readonly bytes: number; readonly whole: boolean; readonly last: boolean };

async function* linesOf(file: FileHandle): AsyncGenerator<Line> {
  let rest: Buffer = Buffer.alloc(0);
  let held: Buffer | null = null;
  const chunk = Buffer.alloc(1024 * 1024);
  for (let position = 0; ; ) {
    const { bytesRead } = await file.read(chunk, 0, chunk.length, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      if (held !== null) yield lineOf(held, true, false);
      held = Buffer.from(rest.subarray(0, end + 1));
      rest = rest.subarray(end + 1);
    }
  }
  if (held !== null) yield lineOf(held, true, rest.length === 0);
  if (rest.length > 0) yield lineOf(rest, false, true);
}

function lineOf(bytes: Buffer, whole: boolean, last: boolean): Line {
  return { text: bytes.toString('utf8'), bytes: bytes.length, whole, last };
}

/**
 * Rewrites the journal without what is spent: deliveries that are over, and one line per arrival. Movements and answers
 * stay word for word. The old file stands until the new one is whole, so a kill in the middle loses nothing.
 */
async function compact(path: string, endedEvents: ReadonlySet<string>): Promise<void> {
  const arrivals = new Map<string, number>();
  const next = `${path}.next`;
  const [from, to] = [await open(path, 'r'), await open(next, 'w')];
  try {
    let batch: string[] = [];
    for await (const line of linesOf(from)) {
      const entry = JSON.parse(line.text) as Entry;
      if (entry.type === 'arrived') {
        arrivals.set(entry.key, (arrivals.get(entry.key) ?? 0) + entry.times);
      } else if (entry.type !== 'delivered' && entry.type !== 'abandoned') {
        batch.push(`${JSON.stringify(withoutEnded(entry, endedEvents))}\n`);
      }
      if (batch.length >= 1_000) {
        await to.appendFile(batch.join(''));
        batch = [];
      }
    }
    for (const [key, times] of arrivals) batch.push(`${JSON.stringify({ type: 'arrived', key, times })}\n`);
    await to.appendFile(batch.join(''));
    await to.sync();
  } finally {
    await from.close();
    await to.close();
  }
  await rename(next, path);
}

function withoutEnded(entry: Entry, endedEvents: ReadonlySet<string>): Entry {
  if (entry.type !== 'authorised' && entry.type !== 'moved') return entry;
  if (entry.webhook === undefined || !endedEvents.has(entry.webhook.id)) return entry;
  const { webhook: _, ...rest } = entry;
  return rest;
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
