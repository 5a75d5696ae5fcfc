import { type ParseArgsConfig, parseArgs } from 'node:util';
import { toError } from '../shared/failure.ts';
import { say } from './output.ts';

type Options = NonNullable<ParseArgsConfig['options']>;
type ValuesOf<Known extends Options> = ReturnType<
  typeof parseArgs<{ args: string[]; options: Known; strict: true }>
>['values'];

/**
 * The arguments of a process that runs apart; null after saying what is wrong with them. An option that is not known
 * is refused: a process that runs otherwise than it was told to is found out late.
 */
export function readArguments<const Known extends Options = Record<never, never>>(
  name: string,
  argv: readonly string[],
  known: Known = {} as Known,
): ValuesOf<Known> | null {
  try {
    return parseArgs({ args: [...argv], options: known, strict: true }).values as ValuesOf<Known>;
  } catch (error) {
    misused(`onetill ${name}: ${firstSentence(toError(error).message)}. See onetill ${name} --help.`);
    return null;
  }
}

/** Says what is wrong with the arguments, and answers the exit code. */
export function misused(message: string): number {
  say(process.stderr, `\n${message}\n`);
  return 2;
}

/** Of what parseArgs says; the sentences behind it explain positional arguments, of which there are none. */
export function firstSentence(message: string): string {
  return (message.split('. ', 1)[0] ?? message).replace(/\.$/, '');
}
