import { Type } from '@sinclair/typebox';
import type { FastifyInstance } from 'fastify';
import { refuse } from '../failure.ts';
import { type MessageCode, refusals, remarks } from '../refusals.ts';
import type { DescribedRoute } from './description.ts';
import { typeOf } from './problem.ts';

const entry = Type.Object({
  type: Type.String({ description: 'Its own address, as `type` of problem details has it.' }),
  code: Type.String({ description: 'Stable: never renamed, never reused.' }),
  status: Type.Integer({
    description: 'Of the answer; 200 where the code travels in a message.',
  }),
  title: Type.String({ description: 'What it means.' }),
  next: Type.String({ description: 'What to do.' }),
});

/** The catalogue of refusals, each entry at the very address that `type` of a problem names. It needs no key. */
export function serveCatalogue(server: FastifyInstance): void {
  const entries = new Map(codes.map((code) => [code as string, entryOf(code)]));
  const all = { errors: [...entries.values()] };
  server.get('/errors', async (_request, reply) => reply.header('cache-control', cacheControl).send(all));
  server.get('/errors/:code', async (request, reply) => {
    const found = entries.get((request.params as { code: string }).code);
    if (found === undefined) return refuse('not_found', 'There is no such code. See /errors for all of them.');
    return reply.header('cache-control', cacheControl).send(found);
  });
}

/** It changes with a release. */
const cacheControl = 'public, max-age=300';

const codes = [...Object.keys(refusals), ...Object.keys(remarks)] as MessageCode[];

function entryOf(code: MessageCode) {
  const { title, next, ...more } = { ...remarks, ...refusals }[code];
  return { type: typeOf(code), code, status: 'status' in more ? more.status : 200, title, next };
}

export const describedCatalogue: readonly DescribedRoute[] = [
  {
    method: 'get',
    path: '/errors',
    operationId: 'listErrors',
    summary: 'Every code of a refusal or message, with what it means and what to do',
    key: 'none',
    answer: { status: 200, describes: 'All of them', schema: Type.Object({ errors: Type.Array(entry) }) },
    refusals: [],
  },
  {
    method: 'get',
    path: '/errors/{code}',
    operationId: 'readError',
    summary: 'One code: what `type` of problem details leads to',
    key: 'none',
    pathParameters: { code: Type.String() },
    answer: { status: 200, describes: 'What it means and what to do', schema: entry },
    refusals: ['not_found'],
  },
];
