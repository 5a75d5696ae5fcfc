import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What the shop does with the next try of a request: answer, or one of the ways in which shops and networks fail. */
export type Mishap = 'fail' | 'busy' | 'cut_before' | 'cut_after' | 'nonsense';

export type FakeShop = {
  readonly endpoint: string;
  /** Mishaps by `METHOD last-part-of-path`, such as `POST complete`; taken one per try. */
  readonly mishaps: Map<string, Mishap[]>;
  /** How often each idempotency key took effect. */
  readonly effects: Map<string, number>;
  readonly checkouts: Map<string, FakeCheckout>;
  /** What a complete with this token does. */
  readonly byToken: Map<string, 'payment_failed' | 'out_of_stock' | 'hang' | 'decline_later'>;
  stop(): Promise<void>;
};

type FakeCheckout = { id: string; status: string; optionId: string | null; code: string | null; reads: number };

/** As much of the wire as the replay talks to; every answer under a key is given again, as the real shop does. */
export async function startFakeShop(options: { optionId?: string; apiKey?: string } = {}): Promise<FakeShop> {
  const { optionId = 'standard', apiKey = 'key' } = options;
  const state = {
    mishaps: new Map<string, Mishap[]>(),
    effects: new Map<string, number>(),
    checkouts: new Map<string, FakeCheckout>(),
    byToken: new Map<string, 'payment_failed' | 'out_of_stock' | 'hang' | 'decline_later'>(),
  };
  const answers = new Map<string, { status: number; body: unknown }>();
  const server = createServer((request, response) => {
    read(request).then((body) => {
      const path = (request.url ?? '').split('/').slice(2);
      const mishap = state.mishaps.get(`${request.method} ${path.at(-1)?.replace(/^chk_.*/, ':id')}`)?.shift();
      if (mishap === 'cut_before') return request.socket.destroy();
      if (mishap === 'fail') return answer(response, 503, { code: 'unavailable', content: 'away' });
      if (mishap === 'busy')
        return answer(response, 429, { code: 'overloaded', content: 'busy' }, { 'retry-after': '0' });
      const given = once(request, () => handle(request, path, body));
      if (mishap === 'cut_after') return request.socket.destroy();
      if (mishap === 'nonsense') return response.end('<html>');
      return answer(response, given.status, given.body);
    });
  });

  function once(request: IncomingMessage, act: () => { status: number; body: unknown }) {
    const key = request.headers['idempotency-key'];
    if (typeof key !== 'string') return act();
    const given = answers.get(key) ?? act();
    if (!answers.has(key)) state.effects.set(key, (state.effects.get(key) ?? 0) + 1);
    answers.set(key, given);
    return given;
  }

  function handle(request: IncomingMessage, path: readonly string[], body: Record<string, never>) {
    if (request.headers['x-api-key'] !== apiKey)
      return { status: 401, body: { code: 'api_key_unknown', content: 'no' } };
    const [, id, action] = path;
    if (id === undefined) {
      const checkout = { id: `chk_${state.checkouts.size + 1}`, status: '', optionId: null, code: null, reads: 0 };
      state.checkouts.set(checkout.id, checkout);
      return { status: 201, body: choose(checkout, body) };
    }
    const checkout = state.checkouts.get(id);
    if (checkout === undefined) return { status: 404, body: { code: 'not_found', content: 'no' } };
    if (request.method === 'PUT') return { status: 200, body: choose(checkout, body) };
    if (request.method === 'GET') return { status: 200, body: view(look(checkout)) };
    if (action === 'cancel') checkout.status = 'canceled';
    else complete(checkout, body);
    return { status: 200, body: view(checkout) };
  }

  function choose(checkout: FakeCheckout, body: Record<string, never>) {
    const sent = body as unknown as { fulfillment: { methods: { groups: { selected_option_id: string }[] }[] } };
    const isOffered = sent.fulfillment.methods[0]?.groups[0]?.selected_option_id === optionId;
    checkout.optionId = isOffered ? optionId : null;
    checkout.status = isOffered ? 'ready_for_complete' : 'incomplete';
    return view(checkout);
  }

  function complete(checkout: FakeCheckout, body: Record<string, never>): void {
    const sent = body as unknown as {
      payment: { instruments: { handler_id: string; credential: { token: string } }[] };
    };
    const [instrument] = sent.payment.instruments;
    const fate = state.byToken.get(instrument?.credential.token ?? '');
    checkout.code = fate ?? null;
    if (instrument?.handler_id !== 'sim') checkout.code = 'payment_handler_unknown';
    const isRefused = checkout.code === 'payment_failed' || checkout.code === 'out_of_stock';
    checkout.status = isRefused ? 'ready_for_complete' : 'complete_in_progress';
  }

  /** The second look at an order finds it ended. */
  function look(checkout: FakeCheckout): FakeCheckout {
    checkout.reads += 1;
    if (checkout.status !== 'complete_in_progress' || checkout.code === 'hang' || checkout.reads < 2) return checkout;
    if (checkout.code === 'decline_later') {
      checkout.status = 'ready_for_complete';
      checkout.code = 'payment_failed';
    } else checkout.status = 'completed';
    return checkout;
  }

  function view(checkout: FakeCheckout): unknown {
    const options = [{ id: optionId, totals: [] }];
    return {
      ucp: { version: '2026-04-08', status: 'success', payment_handlers: { 'test.handler': [{ id: 'sim' }] } },
      id: checkout.id,
      status: checkout.status,
      fulfillment: { methods: [{ groups: [{ options, selected_option_id: checkout.optionId }] }] },
      messages: checkout.code === null ? [] : [{ type: 'error', code: checkout.code, content: 'no' }],
    };
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  async function stop(): Promise<void> {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  return { endpoint: `http://127.0.0.1:${port}/ucp`, ...state, stop };
}

async function read(request: IncomingMessage): Promise<Record<string, never>> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text === '' ? {} : JSON.parse(text);
}

function answer(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
