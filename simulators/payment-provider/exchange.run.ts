import { never, present } from '../../src/shared/assert.ts';
import { type Authorisation, type Books, type Entry, underKey, view, type WebhookPlan } from './books.ts';
import { type ChangeRequest, decide } from './decide.ts';
import { evolve } from './evolve.ts';
import type { RequestFaultName } from './fault-names.ts';
import { type Fault, type FaultBoard, type FaultSubject, takeRequestFault, takeWebhookFault } from './faults.ts';

/** What comes back to the caller: an answer, or a connection that is cut without one. */
export type Reply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object;
};
export type ReplyOrCut = Reply | 'cut';

/** What the provider runs on: real files and real time behind HTTP, or neither in a simulation. */
export type World = {
  readonly books: Books;
  readonly faults: FaultBoard;
  /** Makes the entries durable. They are in the books already; no answer may leave before this resolves. */
  readonly append: (entries: readonly Entry[]) => Promise<void>;
  /** Resolves once all that is in the books now is durable. */
  readonly settled: () => Promise<void>;
  readonly nowMs: () => number;
  readonly newId: () => string;
  readonly sleep: (durationMs: number) => Promise<void>;
  /** Null where no webhooks are sent. `begin` delivers soon; `first` resolves after the first attempt. */
  readonly webhooks: {
    readonly begin: (eventId: string) => void;
    readonly first: (eventId: string) => Promise<void>;
  } | null;
  /** Told of what goes wrong after the caller was already cut off. */
  readonly onLateError: (error: Error) => void;
};

export type ReadRequest =
  | { readonly operation: 'find'; readonly authorise_key: string }
  | { readonly operation: 'read'; readonly authorisation: string };

const defaultMs = { slow: 1_000, act_late: 5_000, answer_late: 15_000, late: 5_000, reordered: 5_000 };

/** Handles one request that changes something, with whatever fault is in force for it. */
export async function exchange(world: World, request: ChangeRequest): Promise<ReplyOrCut> {
  const subject = subjectOf(world.books, request);
  const fault = takeRequestFault(world.faults, subject);
  const arrived: Entry = { type: 'arrived', key: request.key, times: 1 };
  evolve(world.books, arrived);
  const arrival = world.append([arrived]);
  // Whoever awaits it below learns of a failure; until then it must not count as an unhandled one.
  arrival.catch(() => {});
  if (fault?.name === 'slow' && fault.parameters.ms !== 0) await world.sleep(fault.parameters.ms ?? defaultMs.slow);
  if (fault !== null) {
    const early = answerBeforeActing(fault);
    if (early !== null) {
      await arrival;
      return early;
    }
  }
  if (fault?.name === 'act_late') {
    world
      .sleep(fault.parameters.ms ?? defaultMs.act_late)
      .then(() => act(world, request, subject, fault))
      .catch(world.onLateError);
    await arrival;
    return 'cut';
  }
  const [reply] = await Promise.all([act(world, request, subject, fault), arrival]);
  return answerAfterActing(world, reply, fault);
}

/** Answers a question. Changes nothing; waits until what it tells is durable. */
export async function read(world: World, request: ReadRequest): Promise<ReplyOrCut> {
  const subject: FaultSubject =
    request.operation === 'find'
      ? findSubject(world.books, request.authorise_key)
      : { operation: 'find', key: request.authorisation, token: '', reference: '' };
  const fault = takeRequestFault(world.faults, subject);
  if (fault?.name === 'slow') await world.sleep(fault.parameters.ms ?? defaultMs.slow);
  const early = fault === null ? null : answerBeforeActing(fault);
  if (early !== null) return early;
  const reply = lookUp(world.books, request);
  await world.settled();
  return answerAfterActing(world, reply, fault);
}

function lookUp(books: Books, request: ReadRequest): Reply {
  if (request.operation === 'find') {
    return reply(200, { authorisations: underKey(books, request.authorise_key).map(view) });
  }
  const found = books.authorisations.get(request.authorisation);
  if (found !== undefined) return reply(200, view(found));
  return reply(404, { error: { code: 'authorisation_not_found', message: 'There is no such authorisation.' } });
}

async function act(
  world: World,
  request: ChangeRequest,
  subject: FaultSubject,
  fault: Fault<RequestFaultName> | null,
): Promise<Reply> {
  const early: string[] = [];
  const decision = decide(world.books, request, {
    nowMs: world.nowMs(),
    newId: world.newId,
    webhook: (eventType) => planWebhook(world, subject, eventType),
    ...(fault?.name === 'decline' ? { declineCode: fault.parameters.code ?? 'card_declined' } : {}),
    twice: fault?.name === 'act_twice',
  });
  if (decision.decided === 'answer') {
    await world.settled();
    return reply(decision.status, decision.body);
  }
  for (const entry of decision.entries) evolve(world.books, entry);
  await world.append(decision.entries);
  for (const entry of decision.entries) {
    if ((entry.type !== 'authorised' && entry.type !== 'moved') || entry.webhook === undefined) continue;
    if (entry.webhook.early) early.push(entry.webhook.id);
    else world.webhooks?.begin(entry.webhook.id);
  }
  await Promise.all(early.map((id) => world.webhooks?.first(id)));
  const given = present(world.books.answers.get(request.key), 'the answer under the key');
  return reply(given.status, given.body);
}

function planWebhook(world: World, subject: FaultSubject, eventType: string): Omit<WebhookPlan, 'id'> | null {
  if (world.webhooks === null) return null;
  const fault = takeWebhookFault(world.faults, { ...subject, operation: 'webhook', eventType });
  const plan = { copies: 1 as const, delay_ms: 0, early: false, behind_next: false };
  if (fault === null) return plan;
  switch (fault.name) {
    case 'early':
      return { ...plan, early: true };
    case 'twice':
      return { ...plan, copies: 2 };
    case 'late':
      return { ...plan, delay_ms: fault.parameters.ms ?? defaultMs.late };
    case 'reordered':
      return { ...plan, delay_ms: fault.parameters.ms ?? defaultMs.reordered, behind_next: true };
    case 'never':
      return null;
    default:
      return never(fault.name, 'fault of a webhook');
  }
}

function answerBeforeActing(fault: Fault<RequestFaultName>): ReplyOrCut | null {
  const retryAfter = { 'retry-after': String(fault.parameters.retry_after_s ?? 1) };
  switch (fault.name) {
    case 'rate_limited':
      return reply(429, problem('rate_limited', 'Too many requests: nothing was done.', false), retryAfter);
    case 'unavailable':
      return reply(503, problem('unavailable', 'Out of service: nothing was done.', false), retryAfter);
    case 'fail_before':
      return reply(500, problem('internal', 'Something went wrong.'));
    case 'cut_before':
      return 'cut';
    default:
      return null;
  }
}

async function answerAfterActing(
  world: World,
  truth: Reply,
  fault: Fault<RequestFaultName> | null,
): Promise<ReplyOrCut> {
  switch (fault?.name) {
    case 'fail_after':
      return reply(500, problem('internal', 'Something went wrong.'));
    case 'act_and_cut':
      return 'cut';
    case 'nonsense':
      return reply(200, { ok: 'maybe', amount_minor: 'twelve' });
    case 'answer_late':
      await world.sleep(fault.parameters.ms ?? defaultMs.answer_late);
      return truth;
    default:
      return truth;
  }
}

/** `acted: false` is the provider's promise that nothing was done and that the request may be sent again. */
function problem(code: string, message: string, acted?: false): object {
  return { error: { code, message, ...(acted === undefined ? {} : { acted }) } };
}

function reply(status: number, body: object, headers: Record<string, string> = {}): Reply {
  return { status, headers, body };
}

function subjectOf(books: Books, request: ChangeRequest): FaultSubject {
  const { operation, key } = request;
  if (operation === 'authorise') return { operation, key, token: request.token, reference: request.reference };
  if (operation === 'cancel') return { ...findSubject(books, request.authorise_key), operation, key };
  return { operation, key, ...owner(books.authorisations.get(request.authorisation)) };
}

function findSubject(books: Books, authoriseKey: string): FaultSubject {
  return { operation: 'find', key: authoriseKey, ...owner(underKey(books, authoriseKey)[0]) };
}

function owner(authorisation: Authorisation | undefined): { token: string; reference: string } {
  return { token: authorisation?.token ?? '', reference: authorisation?.reference ?? '' };
}
