import { connect } from 'node:net';

/** What a server said on one connection: its answers in order, and whether it closed the connection itself. */
export type Heard = {
  readonly statuses: readonly number[];
  readonly codes: readonly string[];
  readonly isClosed: boolean;
  readonly text: string;
};

/** Long enough for every answer of a test's own server; only a connection that stays open waits for it. */
const silenceMs = 2_000;

/** Sends the bytes as they are and listens until the server closes, or has been silent for a while. */
export function say(port: number, bytes: string): Promise<Heard> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(Buffer.from(bytes, 'latin1')));
    let text = '';
    const end = (isClosed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve({ ...answersIn(text), isClosed, text });
    };
    const timer = setTimeout(() => end(false), silenceMs);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      timer.refresh();
    });
    socket.on('error', () => end(true));
    socket.on('close', () => end(true));
  });
}

function answersIn(text: string): Pick<Heard, 'statuses' | 'codes'> {
  return {
    statuses: [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map((match) => Number(match[1])),
    codes: [...text.matchAll(/"code":"([a-z_]+)"/g)].map((match) => match[1] ?? ''),
  };
}

/** A head of a request with these lines, which are written as they are. */
export function head(start: string, lines: readonly string[]): string {
  return [`${start} HTTP/1.1`, 'host: shop.example', ...lines, '', ''].join('\r\n');
}

/** The body in one chunk, and the last chunk. */
export function chunked(body: string, extension = ''): string {
  return `${body.length.toString(16)}${extension}\r\n${body}\r\n0\r\n\r\n`;
}
