import { closeSync, fstatSync, openSync, renameSync, statSync, writeSync } from 'node:fs';

/** Where lines go. */
export type LineTarget = {
  /** Called before each line with its length: a file makes way for the next one here. Must not throw. */
  readonly makeRoom?: (lineBytes: number) => void;
  /** Writes at once and answers how many bytes of these it took; throws when it cannot. */
  readonly write: (bytes: Uint8Array) => number;
};

/**
 * Takes lines and never throws: what logs is in the middle of something that matters more. A line that cannot be
 * written is dropped and counted; when writing works again, one line says how many were.
 */
export function lineSink(target: LineTarget, noticeOf: (dropped: number) => string): (line: string) => void {
  let dropped = 0;
  let isTorn = false;

  /** How many of the bytes were written. */
  function put(bytes: Buffer): number {
    let written = 0;
    try {
      target.makeRoom?.(bytes.length);
      while (written < bytes.length) {
        const took = writePatiently(target, bytes.subarray(written), dropped === 0);
        if (took === 0) break;
        written += took;
      }
    } catch {
      // Counted by the caller: there is nobody to tell but the log.
    }
    return written;
  }

  return (line) => {
    // What was torn half-way ends first, so that the next line stands by itself. The notice goes together with a line:
    // alone it would find room in a pipe that has none for the lines.
    const before = Buffer.from((isTorn ? '\n' : '') + (dropped > 0 ? noticeOf(dropped) : ''));
    const bytes = Buffer.concat([before, Buffer.from(line)]);
    const written = put(bytes);
    if (written > 0 && written >= before.length) dropped = 0;
    if (written < bytes.length) dropped += 1;
    if (written > 0) isTorn = written < bytes.length && written !== before.length;
  };
}

/** How long a full pipe is waited for; then its reader has stopped reading, and lines are dropped until it goes on. */
const patienceMs = 1_000;
const pollMs = 5;

/** A pipe that does not block says EAGAIN while it is full. */
function writePatiently(target: LineTarget, bytes: Uint8Array, isPatient: boolean): number {
  for (let waitedMs = 0; ; waitedMs += pollMs) {
    try {
      return target.write(bytes);
    } catch (error) {
      const isFull = (error as NodeJS.ErrnoException).code === 'EAGAIN';
      if (!isFull || !isPatient || waitedMs >= patienceMs) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, pollMs);
    }
  }
}

/** A file descriptor, such as 1, standard output. */
export function descriptorTarget(fileDescriptor: number): LineTarget {
  return { write: (bytes) => writeSync(fileDescriptor, bytes) };
}

/** Where turning to a new file fails, the lines go on into the old one, and it is tried again after so many bytes. */
const tryAgainAfterBytes = 64 * 1024;

/**
 * A file of at most so many bytes. Before it grows larger it becomes `path.1`, in the place of the one before, and a
 * new one is begun. Throws when the file cannot be opened.
 */
export function fileTarget(path: string, bytesMax: number): LineTarget {
  let descriptor = openSync(path, 'a');
  let sizeBytes = fstatSync(descriptor).size;
  let turnAtBytes = bytesMax;

  function turn(): void {
    try {
      // Moved away already, by somebody else or by an attempt that could not open the next one: only that is left.
      if (isAt(path, descriptor)) renameSync(path, `${path}.1`);
      const next = openSync(path, 'a');
      closeSync(descriptor);
      descriptor = next;
      sizeBytes = fstatSync(next).size;
      turnAtBytes = bytesMax;
    } catch {
      turnAtBytes = sizeBytes + tryAgainAfterBytes;
    }
  }

  return {
    makeRoom(lineBytes) {
      if (sizeBytes > 0 && sizeBytes + lineBytes > turnAtBytes) turn();
    },
    write(bytes) {
      const took = writeSync(descriptor, bytes);
      sizeBytes += took;
      return took;
    },
  };
}

function isAt(path: string, descriptor: number): boolean {
  const there = statSync(path, { throwIfNoEntry: false });
  const ours = fstatSync(descriptor);
  return there !== undefined && there.ino === ours.ino && there.dev === ours.dev;
}
