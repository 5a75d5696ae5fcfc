import { v7 } from 'uuid';
import { type Refused, refuse } from './failure.ts';

/**
 * Ids are UUIDv7 (RFC 9562): they sort by time, so index inserts stay local. Inside and in the database they
 * are plain UUIDs; at the edge they carry a prefix that names their type, so that one is never taken for another.
 */
export type NewId = () => string;

export const newUuid: NewId = () => v7();

export const idPrefixes = {
  checkout: 'chk',
  order: 'ord',
  payment: 'pay',
  message: 'msg',
  event: 'evt',
  quote: 'quo',
  webhook: 'whk',
  inbox: 'inb',
} as const;

export type IdType = keyof typeof idPrefixes;

/** `ord_0192…`: the form that leaves the process. */
export function externalId(type: IdType, uuid: string): string {
  return `${idPrefixes[type]}_${uuid}`;
}

const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** The UUID of an id that came from outside, or a refusal that names the expected form. */
export function parseExternalId(type: IdType, text: string, path?: string): string | Refused {
  const prefix = `${idPrefixes[type]}_`;
  const uuid = text.startsWith(prefix) ? text.slice(prefix.length) : '';
  if (uuidForm.test(uuid)) return uuid;
  return refuse('id_malformed', `This is not ${article(type)} ${type} id. It looks like ${prefix}01890a5d-….`, {
    ...(path === undefined ? {} : { path }),
  });
}

export function isUuid(text: string): boolean {
  return uuidForm.test(text);
}

function article(word: string): string {
  return 'aeiou'.includes(word.charAt(0)) ? 'an' : 'a';
}
