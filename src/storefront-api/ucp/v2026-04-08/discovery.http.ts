import type { FastifyInstance } from 'fastify';
import type { StorefrontConfig } from '../../config.ts';
import { paymentHandlers } from './project.ts';
import { capabilities, prefix, schemas, specification, version } from './version.ts';

/** `GET /.well-known/ucp`: who we are and what we speak, for anyone. It may be cached; it changes with a release. */
export function registerDiscovery(server: FastifyInstance, config: StorefrontConfig): void {
  const profile = discoveryProfile(config);
  server.get('/.well-known/ucp', async (_request, reply) => {
    reply.header('cache-control', 'public, max-age=300');
    return profile;
  });
}

/** The profile of the protocol's newest version that is served. The REST binding comes first: some look no further. */
export function discoveryProfile(config: StorefrontConfig): Record<string, unknown> {
  return {
    ucp: {
      version,
      services: {
        'dev.ucp.shopping': [
          {
            version,
            transport: 'rest',
            endpoint: `${config.publicUrl}${prefix}`,
            spec: `${specification}/overview`,
            schema: `https://ucp.dev/${version}/services/shopping/rest.openapi.json`,
          },
        ],
      },
      capabilities: Object.fromEntries(
        Object.entries(capabilities).map(([name, capability]) => [
          name,
          [
            {
              version,
              spec: `${specification}/${capability.page}`,
              schema: `${schemas}/${capability.schema}`,
              ...(capability.extends === null ? {} : { extends: capability.extends }),
            },
          ],
        ]),
      ),
      payment_handlers: paymentHandlers(config.paymentHandlers),
    },
    // Answers are not signed yet, so there is no key to publish.
    signing_keys: [],
  };
}
