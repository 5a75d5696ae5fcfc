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
  // For the description of the field that is wrong.
  verbose: true,
});

/** Compiles a schema once, at start. Paths begin at `root`: `$` for a body, `query:` for a query string. */
export function parserOf<Schema extends TSchema>(schema: Schema, root = '$'): Parser<Static<Schema>> {
  const check = ajv.compile<Static<Schema>>(schema);
  return (value) => {
    if (check(value)) return { value };
    const error = tellingError(check.errors ?? []);
    return refuse('input_invalid', error === undefined ? invalid : reasonOf(error), {
      path: error === undefined ? root : pathOf(error, root),
    });
  };
}

const invalid = 'This value is not valid.';

/**
 * The error that says most. Where several forms are possible ajv names what is wrong with each, and last that none
 * fits: a form whose type fits tells more than the others, and if none has the type all types are told.
 */
function tellingError(errors: readonly ErrorObject[]): ErrorObject | undefined {
  const last = errors.at(-1);
  if (last === undefined || (last.keyword !== 'anyOf' && last.keyword !== 'oneOf')) return errors[0];
  const ofForms = errors.slice(0, -1);
  const isElsewhere = (error: ErrorObject) => error.keyword !== 'type' || error.instancePath !== last.instancePath;
  const types = ofForms.map((error) => String((error.params as Record<string, unknown>).type));
  return ofForms.find(isElsewhere) ?? { ...last, keyword: 'type', params: { type: types } };
}

/** The reason in words. It names the rule, never the value: a wrong value may be what must not be repeated. */
function reasonOf({ keyword, params, parentSchema }: ErrorObject): string {
  const { description } = parentSchema as { description?: unknown };
  return reasons[keyword]?.({ ...params, description }) ?? invalid;
}

/** Words for every keyword that our schemas use. What a pattern wants, only the description of its field can say. */
const reasons: Readonly<Record<string, (params: Readonly<Record<string, unknown>>) => string>> = {
  required: () => 'This field is missing.',
  additionalProperties: () => 'This field is not known here.',
  type: ({ type }) => `This value must be ${[type].flat().map(typeInWords).join(' or ')}.`,
  enum: ({ allowedValues }) => `This value must be one of: ${[allowedValues].flat().join(', ')}.`,
  const: ({ allowedValue }) => `This value must be ${String(allowedValue)}.`,
  minLength: ({ limit }) => `This text must have at least ${count(limit, 'character')}.`,
  maxLength: ({ limit }) => `This text must have at most ${count(limit, 'character')}.`,
  pattern: ({ description }) =>
    ['This text does not have its form', ...(description === undefined ? [] : [description])]
      .join(': ')
      .replace(/\.?$/, '.'),
  minimum: ({ limit }) => `This number must be ${String(limit)} or more.`,
  maximum: ({ limit }) => `This number must be ${String(limit)} or less.`,
  minItems: ({ limit }) => `This list must have at least ${count(limit, 'entry')}.`,
  maxItems: ({ limit }) => `This list must have at most ${count(limit, 'entry')}.`,
};

const typesInWords: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};

function typeInWords(type: unknown): string {
  return typesInWords[String(type)] ?? String(type);
}

function count(limit: unknown, noun: string): string {
  if (limit === 1) return `1 ${noun}`;
  return `${String(limit)} ${noun.replace(/y$/, 'ie')}s`;
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
