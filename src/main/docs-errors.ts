import { refusals, remarks } from '../shared/refusals.ts';
import { head, table } from './docs-page.ts';

/** docs/errors.md: every refusal that a caller can see. */
export function errorsPage(): string {
  const entries = Object.entries(refusals);
  const rows = (wanted: (status: number) => boolean) =>
    entries
      .filter(([, { status }]) => wanted(status))
      .map(([code, { status, title, next }]) => [`\`${code}\``, status, title, next]);
  const introduction = [
    'Every refusal has a stable code: never renamed, never reused. Decide by the code; messages are for people',
    'and may change. A running server says the same at `/errors/CODE`, where `type` of problem details leads, and at',
    '`/errors` for all of them.',
  ].join('\n');
  return [
    head('Errors', '`src/shared/refusals.ts`', introduction),
    '## Of the request\n',
    'The HTTP status says that the request was not carried out. Our own routes answer with problem details (RFC 9457);',
    'the routes of the Universal Commerce Protocol answer with its `{code, content}`.\n',
    table(
      ['code', 'status', 'what it means', 'what to do'],
      rows((status) => status !== 200),
    ),
    '\n## Of the business\n',
    'The request was carried out and this is the outcome. It travels as a message inside a checkout or an order, where',
    'codes of the table above may stand as well.\n',
    table(
      ['code', 'what it means', 'what to do'],
      rows((status) => status === 200).map(([code = '', , title = '', next = '']) => [code, title, next]),
    ),
    '\n## Of how it stands\n',
    'Nothing was refused. These travel as messages too, and say what lacks or what is under way.\n',
    table(
      ['code', 'what it means', 'what to do'],
      Object.entries(remarks).map(([code, { title, next }]) => [`\`${code}\``, title, next]),
    ),
    '',
  ].join('\n');
}
