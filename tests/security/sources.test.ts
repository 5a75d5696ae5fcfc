import { expect, test } from 'vitest';
import { isServer, type Project, plantedProject, readProject } from '../tidy/project.ts';

/** What must not stand in the code of the server, whoever writes it next. */
const forbidden: readonly { readonly what: string; readonly pattern: RegExp }[] = [
  { what: 'a hash other than SHA-256', pattern: /create(Hash|Hmac)\(\s*(?!'sha256')/g },
  {
    what: 'a command for a shell',
    pattern: /\bshell:\s*true|\bexec(Sync)?\(\s*['"`]|from 'node:child_process'.*\bexec\b/g,
  },
  { what: 'code made at run time', pattern: /\beval\(|new Function\(|from 'node:vm'/g },
  { what: 'certificates taken unseen', pattern: /rejectUnauthorized:\s*false|NODE_TLS_REJECT_UNAUTHORIZED/g },
  { what: 'a redirect that is followed', pattern: /maxRedirections|redirect:\s*'follow'|\binterceptors\.redirect/g },
  { what: 'a header of a proxy that is believed', pattern: /trustProxy|x-forwarded-|x-real-ip/gi },
  { what: 'a lenient parser of HTTP', pattern: /insecureHTTPParser|httpAllowHalfOpen/g },
];

function offences(project: Project): string[] {
  return project
    .filter(({ path }) => isServer(path))
    .flatMap(({ path, text }) =>
      forbidden.filter(({ pattern }) => text.search(pattern) !== -1).map(({ what }) => `${path}: ${what}`),
    );
}

test('the server holds no weak hash, shell, made-up code, blind trust in certificates, proxies or redirects', () => {
  const project = readProject(process.cwd());
  expect(project.filter(({ path }) => isServer(path)).length).toBeGreaterThan(100);
  expect(offences(project)).toEqual([]);
});

test('each of the things that the server must not hold is found where it is planted', () => {
  const plants: Readonly<Record<string, string>> = {
    'a hash other than SHA-256': "createHash('md5')",
    'a command for a shell': 'spawn(command, { shell: true })',
    'code made at run time': "new Function('a')",
    'certificates taken unseen': '{ rejectUnauthorized: false }',
    'a redirect that is followed': '{ maxRedirections: 3 }',
    'a header of a proxy that is believed': "headers['X-Forwarded-For']",
    'a lenient parser of HTTP': '{ insecureHTTPParser: true }',
  };
  expect(Object.keys(plants)).toEqual(forbidden.map(({ what }) => what));
  for (const [what, text] of Object.entries(plants)) {
    expect(offences(plantedProject({ 'src/orders/order.ts': text }))).toEqual([`src/orders/order.ts: ${what}`]);
  }
});
