import type { TSchema } from '@sinclair/typebox';
import packageJson from '../../package.json' with { type: 'json' };
import type { DescribedRoute } from '../shared/inbound/description.ts';
import { type RefusalCode, refusals, remarks } from '../shared/refusals.ts';
import {
  prefix as ucpPrefix,
  specification as ucpSpecification,
  version as ucpVersion,
} from './ucp/v2026-04-08/version.ts';

/**
 * The OpenAPI 3.1 description of the routes that are our own, made of the schemas that check the requests and of the
 * catalogue of refusals. Routes of the Universal Commerce Protocol are described by the protocol; this points there.
 */
export function buildOpenApi(options: {
  readonly publicUrl: string;
  readonly routes: readonly DescribedRoute[];
}): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of options.routes) {
    paths[route.path] = { ...paths[route.path], [route.method]: describeRoute(route) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Onetill',
      version: packageJson.version,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      description:
        `Products, probes and errors. Checkouts and orders are served under \`${ucpPrefix}\` by the Universal ` +
        `Commerce Protocol, version ${ucpVersion}; \`/.well-known/ucp\` says where and what of it.`,
    },
    externalDocs: { description: 'The Universal Commerce Protocol', url: `${ucpSpecification}/overview` },
    servers: [{ url: options.publicUrl }],
    paths,
    components: {
      securitySchemes: {
        ApiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        Bearer: { type: 'http', scheme: 'bearer' },
      },
      schemas: { Problem: problem },
    },
    'x-refusals': Object.entries(refusals).map(([code, { status, title, next }]) => ({ code, status, title, next })),
    'x-remarks': Object.entries(remarks).map(([code, { title, next }]) => ({ code, title, next })),
  };
}

/** What every route may answer instead of its answer. */
const everywhere: readonly RefusalCode[] = ['header_invalid', 'card_number_refused', 'overloaded', 'internal'];

function describeRoute(route: DescribedRoute): Record<string, unknown> {
  const { answer } = route;
  const parameters = [...pathParameters(route), ...queryParameters(route)];
  return {
    operationId: route.operationId,
    summary: route.summary,
    ...(route.key === 'optional' ? { description: withoutKey } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: plain(route.body) } } } }),
    responses: {
      [answer.status]: {
        description: answer.describes,
        ...(answer.schema === null
          ? {}
          : { content: { [route.mediaType ?? 'application/json']: { schema: plain(answer.schema) } } }),
      },
      ...refusalResponses([...new Set([...route.refusals, ...everywhere])]),
    },
    ...(route.key === 'none'
      ? { security: [] }
      : { security: [{ ApiKey: [] }, { Bearer: [] }, ...(route.key === 'optional' ? [{}] : [])] }),
  };
}

const withoutKey =
  'The API key is optional: without one the products of the merchant are shown whose shop this server opens to all. ' +
  'A key that is not known is refused.';

function pathParameters(route: DescribedRoute): unknown[] {
  return Object.entries(route.pathParameters ?? {}).map(([name, schema]) => ({
    name,
    in: 'path',
    required: true,
    schema: plain(schema),
  }));
}

function queryParameters(route: DescribedRoute): unknown[] {
  const required = route.query?.required ?? [];
  return Object.entries(route.query?.properties ?? {}).map(([name, schema]) => {
    const { description, ...rest } = plain(schema);
    return { name, in: 'query', required: required.includes(name), description, schema: rest };
  });
}

/** One response per status, naming the codes that it can carry. */
function refusalResponses(codes: readonly RefusalCode[]): Record<string, unknown> {
  const byStatus = new Map<number, RefusalCode[]>();
  for (const code of codes) {
    const { status } = refusals[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, of]) => [
      status,
      {
        description: of.map((code) => `\`${code}\`: ${refusals[code].title}`).join('; '),
        content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
      },
    ]),
  );
}

/** A schema as plain JSON: TypeBox keeps its own notes under symbols. */
function plain(schema: TSchema): Record<string, unknown> {
  return JSON.parse(JSON.stringify(schema)) as Record<string, unknown>;
}

/** Problem details (RFC 9457) as this server writes them. */
const problem = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'code', 'request_id'],
  properties: {
    type: {
      type: 'string',
      format: 'uri-reference',
      description: 'Where the entry of the code is served: /errors/{code} of this server.',
    },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string', description: 'What happened and what to do next.' },
    code: { type: 'string', enum: Object.keys(refusals), description: 'Stable; see x-refusals.' },
    path: { type: 'string', description: 'Where: a JSONPath, or `query:`, `path:` or `header:` with a name.' },
    request_id: { type: 'string' },
  },
} as const;
