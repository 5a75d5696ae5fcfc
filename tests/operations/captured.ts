import { run } from '../../src/main/cli.ts';

export type Said = { readonly exitCode: number; readonly out: string; readonly err: string };

/** Runs the command line in this process, against a database, and keeps what it says. */
export async function onetill(
  databaseUrl: string | null,
  argv: readonly string[],
  until: AbortSignal = new AbortController().signal,
): Promise<Said> {
  const said = { out: '', err: '' };
  const exitCode = await run(argv, {
    out(text) {
      said.out += text;
    },
    err(text) {
      said.err += text;
    },
    paint: (_style, text) => text,
    errIsTerminal: false,
    environment: databaseUrl === null ? {} : { DATABASE_URL: databaseUrl },
    userName: 'grace',
    untilStopped: () => until,
  });
  return { exitCode, ...said };
}
