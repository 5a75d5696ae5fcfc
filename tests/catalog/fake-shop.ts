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
  readonly byToken: Map<string, Fate>;
  stop(): Promise<void>;
};

type Fate = 'payment_failed' | 'out_of_stock' | 'hang' | 'decline_later';
type FakeCheckout = { id: string; status: string; optionId: string | null; code: string | null; reads: number };
type Answer = { status: number; body: unknown };
type Books = Pick<FakeShop, 'mishaps' | 'effects' | 'checkouts' | 'byToken'> & {
  readonly answers: Map<string, Answer>;
  readonly optionId: string;
  readonly apiKey: string;
};

/** As much of the wire as the replay talks to; every answer under a key is given again, as the real shop does. */
export async function startFakeShop(options: { optionId?: string; apiKey?: string } = {}): Promise<FakeShop> {
  const maps = { mishaps: new Map(), effects: new Map(), checkouts: new Map(), byToken: new Map(), answers: new Map() };
  const books: Books = { ...maps, optionId: options.optionId ?? 'standard', apiKey: options.apiKey ?? 'key' };
  const server = createServer((request, response) => {
    read(request).then((body) => serve(books, request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  async function stop(): Promise<void> {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
  return { endpoint: `http://127.0.0.1:${port}/ucp`, ...books, stop };
}

function serve(books: Books, request: IncomingMessage, response: ServerResponse, body: Sent): void {
  const path = (request.url ?? '').split('/').slice(2);
  const mishap = books.mishaps.get(`${request.method} ${path.at(-1)}`)?.shift();
  if (mishap === 'cut_before') return void request.socket.destroy();
  if (mishap === 'fail') return answer(response, 503, { code: 'unavailable', content: 'away' });
  if (mishap === 'busy') return answer(response, 429, { code: 'overloaded', content: 'busy' }, { 'retry-after': '0' });
  const given = once(books, request, () => handle(books, request, path, body));
  if (mishap === 'cut_after') return void request.socket.destroy();
  if (mishap === 'nonsense') return void response.end('<html>');
  answer(response, given.status, given.body);
}

function once(books: Books, request: IncomingMessage, act: () => Answer): Answer {
  const key = request.headers['idempotency-key'];
  if (typeof key !== 'string') return act();
  const given = books.answers.get(key);
  if (given !== undefined) return given;
  const first = act();
  books.effects.set(key, (books.effects.get(key) ?? 0) + 1);
  books.answers.set(key, first);
  return first;
}

function handle(books: Books, request: IncomingMessage, path: readonly string[], body: Sent): Answer {
  if (request.headers['x-api-key'] !== books.apiKey) return { status: 401, body: { code: 'api_key_unknown' } };
  const [, id, action] = path;
  if (id === undefined) {
    const checkout = { id: `chk_${books.checkouts.size + 1}`, status: '', optionId: null, code: null, reads: 0 };
    books.checkouts.set(checkout.id, checkout);
    choose(books, checkout, body);
    return { status: 201, body: view(books, checkout) };
  }
  const checkout = books.checkouts.get(id);
  if (checkout === undefined) return { status: 404, body: { code: 'not_found' } };
  if (request.method === 'PUT') choose(books, checkout, body);
  else if (request.method === 'GET') look(checkout);
  else if (action === 'cancel') checkout.status = 'canceled';
  else complete(books, checkout, body);
  return { status: 200, body: view(books, checkout) };
}

type Sent = {
  readonly fulfillment?: { methods: { groups: { selected_option_id: string }[] }[] };
  readonly payment?: { instruments: { handler_id: string; credential: { token: string } }[] };
};

function choose(books: Books, checkout: FakeCheckout, body: Sent): void {
  const isOffered = body.fulfillment?.methods[0]?.groups[0]?.selected_option_id === books.optionId;
  checkout.optionId = isOffered ? books.optionId : null;
  checkout.status = isOffered ? 'ready_for_complete' : 'incomplete';
}

function complete(books: Books, checkout: FakeCheckout, body: Sent): void {
  const instrument = body.payment?.instruments[0];
  checkout.code = books.byToken.get(instrument?.credential.token ?? '') ?? null;
  if (instrument?.handler_id !== 'sim') checkout.code = 'payment_failed';
  const isRefused = checkout.code === 'payment_failed' || checkout.code === 'out_of_stock';
  checkout.status = isRefused ? 'ready_for_complete' : 'complete_in_progress';
}

/** The second look at an order finds it ended. */
function look(checkout: FakeCheckout): void {
  checkout.reads += 1;
  if (checkout.status !== 'complete_in_progress' || checkout.code === 'hang' || checkout.reads < 2) return;
  const isDeclined = checkout.code === 'decline_later';
  checkout.status = isDeclined ? 'ready_for_complete' : 'completed';
  if (isDeclined) checkout.code = 'payment_failed';
}

function view(books: Books, checkout: FakeCheckout): unknown {
  const options = [{ id: books.optionId, totals: [] }];
  return {
    ucp: { version: '2026-04-08', status: 'success', payment_handlers: { 'test.handler': [{ id: 'sim' }] } },
    id: checkout.id,
    status: checkout.status,
    fulfillment: { methods: [{ groups: [{ options, selected_option_id: checkout.optionId }] }] },
    messages: checkout.code === null ? [] : [{ type: checkout.reads > 0 ? 'warning' : 'error', code: checkout.code }],
  };
}

async function read(request: IncomingMessage): Promise<Sent> {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text === '' ? {} : JSON.parse(text);
}

function answer(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
