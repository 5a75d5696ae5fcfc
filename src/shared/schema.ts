import type { Static, TSchema } from '@sinclair/typebox';
import { Ajv, type ErrorObject } from 'ajv';
import { type Refused, refuse } from './failure.ts';

/** Checks a value against its schema: the value, typed, or `input_invalid` with the JSONPath of the field and why. */
export type Parser<T> = (value: unknown) => Refused | { readonly value: T };

/**
 * Nothing is coerced, filled in or removed: what a parser lets through is what was sent. The first fault ends the
 * check, so that a hostile value cannot make a long list of errors.
 */
const ajv = new Ajv({
  strict: true,
  allErrors: false,
  coerceTypes: false,
  useDefaults: false,
  removeAdditional: false,
});

/** Compiles a schema once, at start. Paths begin at `root`: `$` for a body, `query:` for a query string. */
export function parserOf<Schema extends TSchema>(schema: Schema, root = '$'): Parser<Static<Schema>> {
  const check = ajv.compile<Static<Schema>>(schema);
  return (value) => {
    if (check(value)) return { value };
    const error = check.errors?.[0];
    return refuse('input_invalid', error === undefined ? 'This value is not valid.' : reasonOf(error), {
      path: error === undefined ? root : pathOf(error, root),
    });
  };
}

/** The reason in words. It names the rule, never the value: a wrong value may be what must not be repeated. */
function reasonOf(error: ErrorObject): string {
  const params = error.params as Record<string, unknown>;
  if (error.keyword === 'required') return 'This field is missing.';
  if (error.keyword === 'additionalProperties') return 'This field is not known here.';
  if (error.keyword === 'enum' && Array.isArray(params.allowedValues)) {
    return `This value must be one of: ${params.allowedValues.join(', ')}.`;
  }
  return `This value ${error.message ?? 'is not valid'}.`;
}

function pathOf(error: ErrorObject, root: string): string {
  const params = error.params as Record<string, unknown>;
  const steps = error.instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'));
  const named = params.missingProperty ?? params.additionalProperty;
  if (typeof named === 'string') steps.push(named);
  return steps.reduce(childPath, root);
}

/** `$.a` and `b` give `$.a.b`; an index gives `$.a[0]`; a name that JSONPath must quote gives `$.a['b c']`. */
export function childPath(path: string, step: string | number): string {
  if (typeof step === 'number' || /^\d{1,6}$/.test(step)) return `${path}[${step}]`;
  if (path.endsWith(':')) return `${path}${step}`;
  if (/^[A-Za-z_][A-Za-z0-9_]*$/.test(step)) return `${path}.${step}`;
  return `${path}['${step.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}']`;
}
