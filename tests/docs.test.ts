import { Ajv2020 } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { CloudEvent } from 'cloudevents';
import { describe, expect, test } from 'vitest';
import { generatedFiles, leftovers, replaceGenerated } from '../src/main/docs.ts';
import { machines } from '../src/main/docs-machines.ts';
import { faultsOf, type Machine } from '../src/shared/transitions.ts';
import { readProject } from './tidy/project.ts';

const root = process.cwd();
const files = await generatedFiles(root);
const project = readProject(root);

describe('generated docs', () => {
  for (const [path, text] of files) {
    test(`${path} is what npm run docs makes`, () => {
      expect(project.find((file) => file.path === path)?.text).toBe(text);
    });
  }

  test('no schema of an event that is gone stays behind', async () => {
    expect(await leftovers(root, files)).toEqual([]);
  });

  test('a generated part is replaced between its markers and nowhere else', () => {
    const page = 'a\n<!-- generated: x -->\nold\n<!-- end of generated -->\nb\n';
    const after = replaceGenerated(page, 'x', 'new');
    expect(after).toBe('a\n<!-- generated: x -->\n\nnew\n\n<!-- end of generated -->\nb\n');
    expect(replaceGenerated(after, 'x', 'new')).toBe(after);
    expect(replaceGenerated(page, 'y', 'new')).toBe(page);
  });

  test('ARCHITECTURE.md has a place for the diagrams, and they are in it', () => {
    for (const { machine } of machines) expect(files.get('ARCHITECTURE.md')).toContain(`[*] --> ${machine.initial}`);
  });
});

describe('event schemas', () => {
  const schemas = [...files].filter(([path]) => path.startsWith('docs/events/'));

  test('every example of an event validates against its schema and parses as a CloudEvent', () => {
    expect(schemas.length).toBeGreaterThan(0);
    for (const [, text] of schemas) {
      const schema = JSON.parse(text) as { examples: Record<string, unknown>[] };
      const validate = validator(schema);
      const [example = {}] = schema.examples;
      expect(validate(example), JSON.stringify(validate.errors)).toBe(true);
      expect(new CloudEvent(example).validate()).toBe(true);
    }
  });

  test('an event schema refuses a field too many, a field too few and another type', () => {
    const [, text = ''] = schemas[0] ?? [];
    const schema = JSON.parse(text) as { examples: Record<string, unknown>[] };
    const validate = validator(schema);
    const [example = {}] = schema.examples;
    const { subject: _, ...withoutSubject } = example;
    expect(validate({ ...example, buyer_email: 'someone' })).toBe(false);
    expect(validate(withoutSubject)).toBe(false);
    expect(validate({ ...example, type: 'dev.onetill.Other' })).toBe(false);
    expect(validate({ ...example, data: {} })).toBe(false);
  });
});

describe('state machines', () => {
  for (const { machine } of machines) {
    test(`every state of the ${machine.name} is reached and leads to an end`, () => {
      expect(faultsOf(machine)).toEqual([]);
    });
  }

  test('a dead end, a state that nothing reaches and a state without an end are found', () => {
    const broken: Machine<string> = {
      name: 'broken',
      initial: 'a',
      final: ['z'],
      transitions: { a: { b: 'x', z: 'x' }, b: {}, c: { z: 'x' }, z: {} },
    };
    expect(faultsOf(broken)).toEqual([
      'broken: b never leads to an end',
      'broken: b is a dead end',
      'broken: nothing leads to c',
    ]);
  });
});

function validator(schema: object) {
  const ajv = new Ajv2020({ strict: true });
  addFormats.default(ajv);
  return ajv.compile(schema);
}
