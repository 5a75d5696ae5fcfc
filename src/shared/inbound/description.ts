import type { TObject, TSchema } from '@sinclair/typebox';
import type { RefusalCode } from '../refusals.ts';

/**
 * What the OpenAPI description says of a route of our own. Rooms export it beside the route, made of the schemas that
 * check the requests, so that the description cannot say something else than the code does.
 */
export type DescribedRoute = {
  readonly method: 'get' | 'post' | 'put' | 'delete';
  /** With parameters in braces: `/products/{sku}`. */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  /** Whether an API key is asked for. */
  readonly key: 'required' | 'optional' | 'none';
  readonly pathParameters?: Readonly<Record<string, TSchema>>;
  readonly query?: TObject;
  readonly body?: TSchema;
  readonly answer: { readonly status: number; readonly describes: string; readonly schema: TSchema | null };
  /** The media type of the answer; application/json unless it says otherwise. */
  readonly mediaType?: string;
  /** Refusals that this route has beside those that every route has. */
  readonly refusals: readonly RefusalCode[];
};
