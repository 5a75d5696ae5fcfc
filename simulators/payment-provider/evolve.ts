import { assert, never, present } from '../../src/shared/assert.ts';
import { type Authorisation, type Books, type Entry, underKey, view, type WebhookPlan } from './books.ts';

/** Writes one entry into the books. The entry was decided to be possible (decide.ts): one that is not is a bug. */
export function evolve(books: Books, entry: Entry): void {
  switch (entry.type) {
    case 'authorised':
      return authorised(books, entry);
    case 'moved':
      return moved(books, entry);
    case 'noted':
      return answerWith(books, entry, 200, view(authorisationOf(books, entry.authorisation)));
    case 'refused':
      return answerWith(books, entry, entry.status, { error: { code: entry.code, message: entry.message } });
    case 'cancelled':
      books.cancelledKeys.add(entry.authorise_key);
      return answerWith(books, entry, 200, { authorisations: underKey(books, entry.authorise_key).map(view) });
    case 'arrived':
      books.arrivals.set(entry.key, (books.arrivals.get(entry.key) ?? 0) + entry.times);
      return;
    case 'delivered':
      if (books.deliveries.delete(entry.event)) books.deliveredCount += 1;
      return;
    case 'abandoned':
      if (books.deliveries.delete(entry.event)) books.abandonedCount += 1;
      return;
    default:
      return never(entry, 'entry of the journal');
  }
}

function authorised(books: Books, entry: Extract<Entry, { type: 'authorised' }>): void {
  assert(!books.authorisations.has(entry.id), 'an id is given once');
  const authorisation: Authorisation = {
    id: entry.id,
    key: entry.key,
    reference: entry.reference,
    token: entry.token,
    currency: entry.currency,
    amount_minor: entry.amount_minor,
    decline_code: entry.decline_code,
    created_at_ms: entry.at_ms,
    movements: [],
    captured_minor: 0,
    refunded_minor: 0,
    voided: false,
  };
  books.authorisations.set(entry.id, authorisation);
  books.byKey.set(entry.key, [...(books.byKey.get(entry.key) ?? []), entry.id]);
  if (entry.twin !== true) {
    if (entry.decline_code === null) answerWith(books, entry, 201, view(authorisation));
    else answerWith(books, entry, 402, declined(authorisation, entry.decline_code));
  }
  announce(books, authorisation, entry.webhook, entry.at_ms);
}

function declined(authorisation: Authorisation, code: string): object {
  return { error: { code, message: 'The payment was declined.' }, authorisation: view(authorisation) };
}

function moved(books: Books, entry: Extract<Entry, { type: 'moved' }>): void {
  const authorisation = authorisationOf(books, entry.authorisation);
  const { id, kind, key, amount_minor, at_ms } = entry;
  authorisation.movements.push({ id, kind, key, amount_minor, at_ms });
  if (kind === 'captured') authorisation.captured_minor += amount_minor;
  if (kind === 'refunded') authorisation.refunded_minor += amount_minor;
  if (kind === 'voided') authorisation.voided = true;
  assert(authorisation.captured_minor <= authorisation.amount_minor, 'captured is at most what was authorised');
  assert(authorisation.refunded_minor <= authorisation.captured_minor, 'refunded is at most what was captured');
  assert(!authorisation.voided || authorisation.captured_minor === 0, 'what is voided was never captured');
  answerWith(books, entry, 200, view(authorisation));
  announce(books, authorisation, entry.webhook, entry.at_ms, kind);
}

function answerWith(books: Books, entry: { key: string; fingerprint: string }, status: number, body: object): void {
  books.answers.set(entry.key, { fingerprint: entry.fingerprint, status, body });
}

function announce(
  books: Books,
  authorisation: Authorisation,
  plan: WebhookPlan | undefined,
  atMs: number,
  kind?: string,
): void {
  if (plan === undefined) return;
  const body = JSON.stringify({
    id: plan.id,
    type: `authorisation.${kind ?? (authorisation.decline_code === null ? 'authorised' : 'declined')}`,
    created_at: new Date(atMs).toISOString(),
    data: view(authorisation),
  });
  books.deliveries.set(plan.id, { plan, authorisation: authorisation.id, body });
}

function authorisationOf(books: Books, id: string): Authorisation {
  return present(books.authorisations.get(id), 'the authorisation of an entry');
}
