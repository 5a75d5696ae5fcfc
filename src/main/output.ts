import { type CannotStart, cannotStart } from '../shared/postgres/embedded-fault.ts';

/**
 * Says something to whoever is in front of it. A terminal that has gone, or a full disk behind it, is no fault of what
 * runs: what cannot be said is left unsaid.
 */
export function say(stream: NodeJS.WriteStream, text: string): void {
  if (stream.listenerCount('error', ignore) === 0) stream.on('error', ignore);
  stream.write(text);
}

/** Says on standard error what is wrong and what to do. */
export function tell(fault: CannotStart): void {
  say(process.stderr, `\n${fault.message}\n${fault.next}\n`);
}

function ignore(): void {}

/** Standard output of a command whose answer is what it writes. */
export type Output = {
  readonly write: (text: string) => void;
  /** Once all of it is written: null, or why it could not be. A reader who has seen enough is no fault. */
  settled(): Promise<CannotStart | null>;
};

/** Writes to the stream, and calls back once when nobody reads any more. */
export function outputTo(stream: NodeJS.WriteStream, onUnread: () => void = ignore): Output {
  let pending = Promise.resolve();
  let fault: NodeJS.ErrnoException | null = null;
  if (stream.listenerCount('error', ignore) === 0) stream.on('error', ignore);
  const note = (error: NodeJS.ErrnoException): void => {
    if (fault !== null) return;
    fault = error;
    if (error.code === 'EPIPE') onUnread();
  };
  return {
    write(text) {
      const written = new Promise<void>((resolve) => {
        stream.write(text, (error) => {
          if (error) note(error);
          resolve();
        });
      });
      pending = pending.then(() => written);
    },
    async settled() {
      await pending;
      return fault === null || fault.code === 'EPIPE' ? null : cannotWrite(fault);
    },
  };
}

function cannotWrite({ code, message }: NodeJS.ErrnoException): CannotStart {
  const why = code === 'ENOSPC' || code === 'EDQUOT' ? 'the disk is full' : message;
  return cannotStart(
    `The output could not be written whole: ${why}.`,
    'Send it to a place that has room, and run it again.',
  );
}
