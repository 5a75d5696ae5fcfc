import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import type { Random } from '../harness/world.ts';

/** What can happen to the way between two parts. All of it hits connections that live as well as new ones. */
export type Fault =
  /** Every piece, either way, comes this much later, give or take the jitter; the order stays. */
  | { readonly kind: 'latency'; readonly delayMs: number; readonly jitterMs: number }
  /** Connections are answered with RST. */
  | { readonly kind: 'reset' }
  /** Connections are taken, what is sent is swallowed, and no answer comes, not even an end. */
  | { readonly kind: 'black hole' }
  /** Nobody listens; what was connected is gone. */
  | { readonly kind: 'refuse' }
  /**
   * The far end of what was connected has gone and its FIN is held back, so that the near end writes to nobody. New
   * connections pass, but neither side of them is told when the other one closes.
   */
  | { readonly kind: 'slow close' }
  /** So many bytes of the answer pass, and then the connection breaks. */
  | { readonly kind: 'cut mid-reply'; readonly afterBytes: number };

export type FaultKind = Fault['kind'];

export const faultKinds = ['latency', 'reset', 'black hole', 'refuse', 'slow close', 'cut mid-reply'] as const;

export type FaultProxy = {
  readonly port: number;
  /** From now on, until healed or set anew. */
  set(fault: Fault): Promise<void>;
  /** Passes everything again. Connections that lost something are reset: nobody could go on with them. */
  heal(): Promise<void>;
  /** What each kind has hit so far: pieces delayed or swallowed, connections broken, ends held back. */
  hits(): Readonly<Record<FaultKind, number>>;
  connections(): number;
  /** Closes everything, healed or not. */
  stop(): Promise<void>;
};

/** A way that was never meant to carry more: what is above it is a leak. */
const connectionsMax = 256;
const listenTriesMax = 50;

/** A TCP proxy on loopback between two parts that do not know of it. */
export async function startFaultProxy(options: {
  readonly target: () => { readonly host: string; readonly port: number };
  readonly random: Random;
}): Promise<FaultProxy> {
  const pairs = new Set<Pair>();
  const hits = Object.fromEntries(faultKinds.map((kind) => [kind, 0])) as Record<FaultKind, number>;
  const way: Way = {
    fault: null,
    random: options.random,
    hit(kind) {
      hits[kind] += 1;
    },
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    near.on('error', () => {});
    if (way.fault?.kind === 'reset' || pairs.size >= connectionsMax) {
      if (way.fault !== null) way.hit('reset');
      near.resetAndDestroy();
      return;
    }
    const isSwallowed = way.fault?.kind === 'black hole';
    const pair = pairUp(near, isSwallowed ? null : options.target(), way);
    pairs.add(pair);
    near.once('close', () => pairs.delete(pair));
  });
  await listen(server, 0);
  const port = portOf(server);
  const heal = async (): Promise<void> => {
    way.fault = null;
    for (const pair of [...pairs]) pair.heal();
    if (!server.listening) await listen(server, port);
  };
  return {
    port,
    async set(fault) {
      if (way.fault !== null) await heal();
      way.fault = fault;
      for (const pair of [...pairs]) pair.meet(fault);
      if (fault.kind !== 'refuse') return;
      // Who is refused leaves no trace here; that nobody listens is counted once.
      way.hit('refuse');
      await closed(server, pairs);
    },
    heal,
    hits: () => ({ ...hits }),
    connections: () => pairs.size,
    async stop() {
      way.fault = null;
      await closed(server, pairs);
    },
  };
}

type Way = { fault: Fault | null; readonly random: Random; hit(kind: FaultKind): void };

type Pair = {
  meet(fault: Fault): void;
  heal(): void;
  reset(): void;
};

/** One connection and the one behind it. Without a target it leads nowhere. */
function pairUp(near: Socket, target: { host: string; port: number } | null, way: Way): Pair {
  const far = target === null ? null : dial({ ...target, allowHalfOpen: true, noDelay: true });
  const held: (() => void)[] = [];
  let isLost = far === null;
  let replyBytes = 0;

  function reset(): void {
    near.resetAndDestroy();
    // One that is still being dialled has nothing to reset.
    if (far?.connecting === true) far.destroy();
    else far?.resetAndDestroy();
  }
  function swallow(kind: FaultKind): void {
    isLost = true;
    way.hit(kind);
  }
  /** An end that is passed on, or held back until the way is healed. */
  function tell(end: () => void): void {
    const kind = way.fault?.kind;
    if (kind !== 'slow close' && kind !== 'black hole') return end();
    way.hit(kind);
    held.push(end);
  }
  function carry(from: Socket, to: Socket, isReply: boolean): void {
    const later = inOrder();
    from.on('data', (piece: Buffer) => {
      const { fault } = way;
      if (fault?.kind === 'black hole' || isLost) return swallow(fault?.kind ?? 'black hole');
      const passes = fault?.kind === 'cut mid-reply' && isReply ? fault.afterBytes - replyBytes : piece.length;
      if (isReply && fault?.kind === 'cut mid-reply') replyBytes += piece.length;
      later(delayOf(way), () => send(from, to, piece.subarray(0, Math.max(passes, 0))));
      if (passes >= piece.length) return;
      way.hit('cut mid-reply');
      isLost = true;
      // What passes must have left before the connection breaks.
      near.end(() => reset());
    });
    from.on('end', () => later(0, () => tell(() => to.end())));
    from.on('error', () => tell(reset));
    from.on('close', () => later(0, () => tell(() => to.destroySoon())));
  }
  near.on('error', () => {});
  if (far === null) {
    near.on('data', () => way.hit('black hole'));
    return { meet() {}, heal: reset, reset };
  }
  carry(near, far, false);
  carry(far, near, true);
  return {
    meet(fault) {
      replyBytes = 0;
      if (fault.kind === 'reset' || fault.kind === 'refuse') {
        way.hit(fault.kind);
        reset();
      } else if (fault.kind === 'slow close') {
        swallow('slow close');
        far.destroy();
      }
    },
    heal() {
      if (isLost) return reset();
      for (const end of held.splice(0)) end();
    },
    reset,
  };
}

/** Runs what it is handed after a delay, and never before what it was handed earlier. */
function inOrder(): (delayMs: number, work: () => void) => void {
  let dueAtMs = 0;
  let waiting = 0;
  return (delayMs, work) => {
    if (delayMs === 0 && waiting === 0) return work();
    dueAtMs = Math.max(dueAtMs, performance.now() + delayMs);
    waiting += 1;
    setTimeout(() => {
      waiting -= 1;
      work();
    }, dueAtMs - performance.now());
  };
}

function delayOf(way: Way): number {
  if (way.fault?.kind !== 'latency') return 0;
  way.hit('latency');
  return Math.max(0, way.fault.delayMs + (2 * way.random() - 1) * way.fault.jitterMs);
}

function send(from: Socket, to: Socket, piece: Buffer): void {
  if (piece.length === 0 || to.destroyed || to.writableEnded) return;
  if (to.write(piece)) return;
  from.pause();
  to.once('drain', () => from.resume());
}

async function listen(server: Server, port: number): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    const fault = await new Promise<Error | null>((resolve) => {
      server.once('error', resolve);
      server.listen({ host: '127.0.0.1', port }, () => {
        server.off('error', resolve);
        resolve(null);
      });
    });
    if (fault === null) return;
    // The port can be on loan to an outgoing connection of somebody else for a moment.
    if (tries >= listenTriesMax) throw fault;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function closed(server: Server, pairs: ReadonlySet<Pair>): Promise<void> {
  const over = server.listening ? new Promise((resolve) => server.close(resolve)) : Promise.resolve();
  for (const pair of [...pairs]) pair.reset();
  await over;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return address.port;
}
