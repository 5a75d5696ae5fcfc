import { describe, expect, test } from 'vitest';
import { generatedFiles } from '../src/main/docs.ts';
import { refusals } from '../src/shared/refusals.ts';
import { buildOpenApi } from '../src/storefront-api/openapi.ts';
import { isServer, type Project, plantedProject, readProject, scanOf } from './tidy/project.ts';

const catalogue = 'src/shared/refusals.ts';
const codes = Object.keys(refusals);
const project = readProject(process.cwd());

describe('the catalogue of refusals', () => {
  test('every refusal code is used somewhere in the source', () => {
    const used = literalsOf(project);
    expect(codes.filter((code) => !used.has(code))).toEqual([]);
  });

  test('every code that is refused with is in the catalogue', () => {
    expect(strangersOf(project)).toEqual([]);
  });

  test('a code from outside of the catalogue is found', () => {
    const planted = plantedProject({
      'src/orders/order.ts':
        "refuse('made_up', 'x');\nconst a = { code: 'price_changed' };\nreject('input_invalid', 'y');",
    });
    expect(strangersOf(planted)).toEqual(['src/orders/order.ts: made_up']);
    expect(literalsOf(planted).has('price_changed')).toBe(true);
    expect(literalsOf(planted).has('out_of_stock')).toBe(false);
  });

  test('docs/errors.md lists the codes of the catalogue, all of them and no others', async () => {
    const page = (await generatedFiles(process.cwd())).get('docs/errors.md') ?? '';
    const listed = [...page.matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code);
    expect(listed.sort()).toEqual([...codes].sort());
  });

  test('the OpenAPI description lists the codes of the catalogue, all of them and no others', () => {
    const description = buildOpenApi({ publicUrl: 'http://127.0.0.1', routes: [] }) as {
      'x-refusals': { code: string }[];
      components: { schemas: { Problem: { properties: { code: { enum: string[] } } } } };
    };
    const { code } = description.components.schemas.Problem.properties;
    expect(description['x-refusals'].map((each) => each.code).sort()).toEqual([...codes].sort());
    expect([...code.enum].sort()).toEqual([...codes].sort());
  });

  test('every refusal says what to do next in a sentence', () => {
    for (const { title, next } of Object.values(refusals)) {
      expect(title).toMatch(/^[A-Z][^.]*$/);
      expect(next).toMatch(/^[A-Z].*\.$/);
    }
  });
});

/** All literals of the source that could be codes, without the catalogue's own. */
function literalsOf(among: Project): Set<string> {
  const server = among.filter(({ path }) => isServer(path) && path !== catalogue && !path.startsWith('src/main/docs'));
  return new Set(server.flatMap((file) => scanOf(file).literals.map(({ text }) => text)));
}

/** What is passed to a function that refuses, and is no code of the catalogue. */
function strangersOf(among: Project): string[] {
  return among
    .filter(({ path }) => isServer(path))
    .flatMap((file) => {
      const { code, literals } = scanOf(file);
      return [...code.matchAll(/\b(?:refuse|reject|decided)\(\s*(?=')/g)]
        .map((match) => literals.find(({ start }) => start === match.index + match[0].length)?.text ?? '')
        .filter((text) => !codes.includes(text))
        .map((text) => `${file.path}: ${text}`);
    });
}
