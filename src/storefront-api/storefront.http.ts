import type { CheckoutDesk } from '../checkout/desk.ts';
import type { Inbound } from '../shared/inbound.ts';
import type { Authenticate } from './callers.run.ts';
import type { StorefrontConfig } from './config.ts';
import { registerDiscovery } from './ucp/v2026-04-08/discovery.http.ts';
import { registerUcp } from './ucp/v2026-04-08/routes.http.ts';

export type StorefrontOptions = {
  readonly desk: CheckoutDesk;
  readonly authenticate: Authenticate;
  readonly config: StorefrontConfig;
};

/** Everything that buyers and buying agents call. */
export function registerStorefront(inbound: Inbound, options: StorefrontOptions): void {
  registerDiscovery(inbound.server, options.config);
  registerUcp(inbound, options);
}
