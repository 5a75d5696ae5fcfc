import type { Finding, Project, Rule } from './project.ts';

const manifest = 'package.json';
const lockFile = 'package-lock.json';
const page = 'docs/dependencies.md';

/** Every package is there for a written reason, in one exact version, from no named place. */
export const rulesForPackages: readonly Rule[] = [
  {
    name: 'package.json and docs/dependencies.md name the same packages',
    check: (project) => {
      const listed = rowsOf(project);
      const used = Object.keys(dependenciesOf(project));
      const undocumented = used.filter((name) => !listed.has(name));
      const unused = [...listed.keys()].filter((name) => !used.includes(name));
      return [
        ...undocumented.map((name) => ({
          path: manifest,
          line: lineWith(project, manifest, `"${name}"`),
          problem: `${name} stands in no line of ${page}`,
          instead: 'say there why it is used and what would be written instead, or do without it',
        })),
        ...unused.map((name) => ({
          path: page,
          line: listed.get(name) ?? 1,
          problem: `${name} is not a dependency`,
          instead: 'take the line out',
        })),
      ];
    },
    canary: {
      plant: {
        'package.json': '{ "dependencies": {\n "pg": "8.0.0" },\n "devDependencies": {\n "vitest": "1.0.0" } }',
        'docs/dependencies.md': '# D\n\n| `pg` | why | instead |\n| `left-pad` | why | instead |\n',
      },
      finds: ['package.json:4', 'docs/dependencies.md:4'],
    },
  },
  {
    name: 'versions of packages are exact',
    check: (project) =>
      Object.entries(dependenciesOf(project)).flatMap(([name, version]): Finding[] =>
        /^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version)
          ? []
          : [
              {
                path: manifest,
                line: lineWith(project, manifest, `"${name}"`),
                problem: `${name} ${version}`,
                instead: 'write one version',
              },
            ],
      ),
    canary: {
      plant: { 'package.json': '{ "dependencies": {\n "pg": "^8.0.0",\n "uuid": "1.2.3-beta.4" } }' },
      finds: ['package.json:2'],
    },
  },
  {
    name: 'the lock file names no registry',
    check: (project) =>
      linesOf(project, lockFile).flatMap((line, index): Finding[] =>
        /"resolved":\s*"https?:|\bregistry\./.test(line)
          ? [
              {
                path: lockFile,
                line: index + 1,
                problem: line.trim(),
                instead: 'install with omit-lockfile-registry-resolved (.npmrc)',
              },
            ]
          : [],
      ),
    canary: {
      plant: {
        'package-lock.json': '{\n "resolved": "https://somewhere/pg.tgz",\n "funding": { "url": "https://x.y" } }',
      },
      finds: ['package-lock.json:2'],
    },
  },
  {
    name: 'the lock file holds every package that it names, for other systems too',
    check: (project) => {
      const { packages = {} } = JSON.parse(project.find(({ path }) => path === lockFile)?.text ?? '{}') as Lock;
      const named = Object.values(packages).flatMap(({ dependencies, optionalDependencies }) =>
        Object.keys({ ...dependencies, ...optionalDependencies }),
      );
      const held = Object.keys(packages);
      // `npm ci` refuses a lock file that lacks one, even one that this system would not install.
      return [...new Set(named)]
        .filter((name) => !held.some((path) => path.endsWith(`node_modules/${name}`)))
        .map((name) => ({
          path: lockFile,
          line: lineWith(project, lockFile, `"${name}"`),
          problem: `${name} is named and not held`,
          instead: 'take a version that is published for every system, and make the lock file anew',
        }));
    },
    canary: {
      plant: {
        'package-lock.json':
          '{ "packages": {\n "": { "dependencies": { "a": "1.0.0" } },\n "node_modules/a": {\n' +
          ' "optionalDependencies": {\n "a-linux": "1.0.0",\n "a-plan9": "1.0.0" } },\n "node_modules/a-linux": {} } }',
      },
      finds: ['package-lock.json:6'],
    },
  },
];

type Lock = {
  packages?: Record<string, { dependencies?: Record<string, string>; optionalDependencies?: Record<string, string> }>;
};

function linesOf(project: Project, path: string): string[] {
  return project.find((file) => file.path === path)?.text.split('\n') ?? [];
}

function lineWith(project: Project, path: string, words: string): number {
  return Math.max(1, linesOf(project, path).findIndex((line) => line.includes(words)) + 1);
}

type Manifest = { dependencies?: Record<string, string>; devDependencies?: Record<string, string> };

function dependenciesOf(project: Project): Record<string, string> {
  const text = project.find(({ path }) => path === manifest)?.text ?? '{}';
  const { dependencies, devDependencies } = JSON.parse(text) as Manifest;
  return { ...dependencies, ...devDependencies };
}

/** The packages of the page's tables, with their line. */
function rowsOf(project: Project): Map<string, number> {
  return new Map(
    linesOf(project, page).flatMap((line, index): [string, number][] => {
      const name = /^\| `([^`]+)` \| .*\S.* \| .*\S.* \|$/.exec(line)?.[1];
      return name === undefined ? [] : [[name, index + 1]];
    }),
  );
}
