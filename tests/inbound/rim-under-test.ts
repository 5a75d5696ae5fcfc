import { connect } from 'node:net';
import { newUuid } from '../../src/shared/ids.ts';
import { type Answered, createInbound, type Inbound } from '../../src/shared/inbound.ts';
import { type LogFields, silentLogger } from '../../src/shared/log.ts';

export type Rim = {
  url: string;
  port: number;
  inbound: Inbound;
  answered: Answered[];
  logged: LogFields[];
  turnedAway: () => number;
};
const running: Inbound[] = [];

/** Ends what a test has started. */
export async function stopRims(): Promise<void> {
  for (const inbound of running.splice(0)) await inbound.drain(100);
}

export async function startRim(addRoutes: (inbound: Inbound) => void, inFlightMax?: number): Promise<Rim> {
  const answered: Answered[] = [];
  const logged: LogFields[] = [];
  let turnedAway = 0;
  const note = (_message: string, fields?: LogFields): void => void logged.push(fields ?? {});
  const inbound = createInbound({
    log: { ...silentLogger, info: note, error: note },
    newId: newUuid,
    onAnswered: (each) => answered.push(each),
    onTurnedAway() {
      turnedAway += 1;
    },
    ...(inFlightMax === undefined ? {} : { inFlightMax }),
  });
  addRoutes(inbound);
  running.push(inbound);
  await inbound.server.listen({ host: '127.0.0.1', port: 0 });
  const address = inbound.server.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { url: `http://127.0.0.1:${port}`, port, inbound, answered, logged, turnedAway: () => turnedAway };
}

export const echo = (inbound: Inbound): void => {
  inbound.server.post('/echo', async (request) => ({
    body: request.body ?? null,
    rawBytes: request.rawBody?.length ?? 0,
    traceparent: request.traceparent,
  }));
};

/** Sends bytes as they are and gives back what the server said before it closed. */
export function talk(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    let said = '';
    socket.on('data', (bytes) => {
      said += bytes.toString('utf8');
    });
    socket.on('close', () => resolve(said));
    socket.on('error', reject);
  });
}
