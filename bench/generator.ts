import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Plan, Result } from './generator-plan.ts';

// Load over HTTP from a process of its own. It writes requests that were made beforehand onto kept-alive connections,
// one at a time on each, and of an answer it reads its status, its length and whether it holds what is expected: the
// least that a client can take of the cores.
process.stdout.write('ready\n');
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await generate(JSON.parse(line) as Plan))}\n`);
}
process.exit();

type Answer = { readonly status: number; readonly isRetried: boolean; readonly text: string };
type Connection = { send(request: Buffer): Promise<Answer>; close(): void };

async function generate(plan: Plan): Promise<Result> {
  const unique = plan.requests.map((text) => Buffer.from(text));
  const total = unique.length * plan.repeats;
  const cpuBefore = process.cpuUsage();
  const tally = newTally(plan.expected);
  const requestAt = (index: number) => unique[index % unique.length] ?? Buffer.alloc(0);
  if (plan.perSecond === null) {
    const connections = await Promise.all(Array.from({ length: plan.connections }, () => connect(plan)));
    let next = 0;
    tally.begin();
    await Promise.all(
      connections.map(async (connection) => {
        while (next < total) {
          const index = next++;
          const dueMs = performance.now();
          tally.note(await connection.send(requestAt(index)), dueMs);
        }
      }),
    );
    for (const connection of connections) connection.close();
  } else {
    tally.begin();
    await openLoop(plan, plan.perSecond, total, requestAt, tally);
  }
  const { user, system } = process.cpuUsage(cpuBefore);
  return tally.result((user + system) / 1e6);
}

type Tally = ReturnType<typeof newTally>;

function newTally(expected: string) {
  const latenciesMs: number[] = [];
  const answeredAtMs: number[] = [];
  let refused = 0;
  let failed = 0;
  let failure: string | null = null;
  let beganMs = performance.now();
  return {
    begin() {
      beganMs = performance.now();
    },
    note(answer: Answer, dueMs: number) {
      const nowMs = performance.now();
      if (answer.status < 300 && answer.text.includes(expected)) {
        latenciesMs.push(Math.round((nowMs - dueMs) * 100) / 100);
        answeredAtMs.push(Math.round(nowMs - beganMs));
      } else if (answer.isRetried) refused += 1;
      else {
        failed += 1;
        failure ??= `${answer.status} ${answer.text.slice(0, 400)}`;
      }
    },
    result: (cpuSeconds: number): Result => ({
      seconds: (performance.now() - beganMs) / 1000,
      latenciesMs,
      answeredAtMs,
      refused,
      failed,
      failure,
      cpuSeconds,
    }),
  };
}

/** Requests begin when they are due, on a connection that is free or new; when there are too many they wait for one. */
async function openLoop(
  plan: Plan,
  perSecond: number,
  total: number,
  requestAt: (index: number) => Buffer,
  tally: Tally,
): Promise<void> {
  const all: Promise<Connection>[] = [];
  const free: Promise<Connection>[] = [];
  const waiting: ((connection: Promise<Connection>) => void)[] = [];
  const acquire = (): Promise<Connection> => {
    const idle = free.pop();
    if (idle !== undefined) return idle;
    if (all.length >= plan.connections) return new Promise<Connection>((resolve) => waiting.push(resolve));
    const fresh = connect(plan);
    all.push(fresh);
    return fresh;
  };
  const one = async (index: number, dueMs: number) => {
    const connection = await acquire();
    try {
      tally.note(await connection.send(requestAt(index)), dueMs);
    } catch (error) {
      tally.note({ status: 0, isRetried: false, text: String(error) }, dueMs);
    }
    const next = waiting.shift();
    if (next === undefined) free.push(Promise.resolve(connection));
    else next(Promise.resolve(connection));
  };
  const underWay: Promise<void>[] = [];
  const beganMs = performance.now();
  for (let index = 0; index < total; index += 1) {
    const dueMs = beganMs + (index * 1000) / perSecond;
    const earlyMs = dueMs - performance.now();
    if (earlyMs > 0) await new Promise((resolve) => setTimeout(resolve, earlyMs));
    underWay.push(one(index, dueMs));
  }
  await Promise.all(underWay);
  for (const connection of all) (await connection).close();
}

async function connect(plan: Plan): Promise<Connection> {
  const socket = createConnection({ host: plan.host, port: plan.port, noDelay: true });
  await once(socket, 'connect');
  return connectionOver(socket);
}

function connectionOver(socket: Socket): Connection {
  let received: Buffer = Buffer.alloc(0);
  let settle: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | null = null;
  const fail = () => settle?.reject(new Error('the connection was closed'));
  socket.on('error', fail);
  socket.on('close', fail);
  socket.on('data', (chunk) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
    const answer = answerIn(received);
    if (answer === null) return;
    received = Buffer.alloc(0);
    settle?.resolve(answer);
  });
  return {
    send(request) {
      return new Promise((resolve, reject) => {
        settle = { resolve, reject };
        socket.write(request);
      });
    },
    close: () => void socket.destroy(),
  };
}

/** The answer, if it is there whole. Every answer here says its length. */
function answerIn(bytes: Buffer): Answer | null {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return null;
  const head = bytes.toString('latin1', 0, headEnd).toLowerCase();
  const length = Number(/\r\ncontent-length: (\d+)/.exec(head)?.[1] ?? 0);
  if (bytes.length < headEnd + 4 + length) return null;
  return {
    status: Number(head.slice(9, 12)),
    isRetried: head.includes('\r\nretry-after:'),
    text: bytes.toString('latin1', headEnd + 4),
  };
}
