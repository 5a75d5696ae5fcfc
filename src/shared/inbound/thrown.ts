import { isRefused, type Refused, RefusedError, Retry, refuse } from '../failure.ts';
import { limits } from '../limits.ts';
import { isConnectionError, sqlState } from '../postgres/client.ts';

/**
 * What was thrown inside of a request, as the refusal that leaves the process. Nothing of an unknown error leaves: not
 * its message, not its stack. Whoever calls this logs the error where the refusal is `internal` or `unavailable`.
 */
export function refusalOfThrown(thrown: unknown): Refused {
  if (thrown instanceof RefusedError) return thrown.refusal;
  if (isRefused(thrown)) return thrown;
  const code = String((thrown as { code?: unknown } | null)?.code ?? '');
  const known = frameworkErrors[code];
  if (known !== undefined) return known;
  if (thrown instanceof Retry) return busy(thrown.retryAfterMs);
  if (isConnectionError(thrown)) {
    return refuse('unavailable', 'The database cannot be reached. Nothing was done that a retry would do twice.');
  }
  if (busySqlStates.includes(sqlState(thrown) ?? '')) return busy(undefined);
  return refuse('internal', 'Something went wrong here. Retry with the same key; if it stays, report the request id.');
}

/** Statement timeout, lock timeout, deadlock, serialization failure: rolled back, and worth a retry. */
const busySqlStates: readonly string[] = ['57014', '55P03', '40P01', '40001'];

function busy(retryAfterMs: number | undefined): Refused {
  const message = 'The service is busy. Retry with the same key.';
  return refuse('overloaded', message, retryAfterMs === undefined ? {} : { retryAfterMs });
}

const bodyTooLarge = refuse('body_too_large', `A body may have ${limits.bodyBytesMax} bytes at the most.`);
const mediaTypeUnsupported = refuse('media_type_unsupported', 'Send the body as application/json.');

/** Fastify's own errors that a client can bring about. */
const frameworkErrors: Readonly<Record<string, Refused>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: bodyTooLarge,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: mediaTypeUnsupported,
  FST_ERR_CTP_EMPTY_TYPE: mediaTypeUnsupported,
  FST_ERR_CTP_INVALID_TYPE: mediaTypeUnsupported,
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: refuse('body_malformed', 'The body is not as long as Content-Length says.'),
  FST_ERR_BAD_URL: refuse('route_not_found', 'The path of the URL is not well encoded.'),
  FST_ERR_MAX_PARAM_LENGTH: refuse('id_malformed', 'A part of the path is too long to be an id.'),
};
