import { randomBytes } from 'node:crypto';
import type { Command } from 'commander';
import { isRefused } from '../shared/failure.ts';
import { Secret } from '../shared/secret.ts';
import { byOf, byOption, shortText } from './cli-options.ts';
import type { Answer, Run, Session } from './cli-session.ts';
import { sameDatabase } from './hints.ts';

type MerchantOptions = { by?: string; name: string; currency: string; country: string };

/** `onetill merchants …` and `onetill callers …`: who sells, and who may call. */
export function addCallers(program: Command, run: Run, runAnywhere: Run): void {
  program
    .command('merchants')
    .description('who sells')
    .command('add')
    .description('makes a merchant')
    .argument('<id>', 'lower case letters, digits and dashes', shortText)
    .requiredOption('--name <text>', 'what people call it', shortText)
    .requiredOption('--currency <code>', 'ISO 4217, such as GBP')
    .requiredOption('--country <code>', 'where it ships from: ISO 3166 in two letters, such as GB')
    .addOption(byOption())
    .action((id: string, options: MerchantOptions, command: Command) =>
      runAnywhere(command, (session) => makeMerchant(session, id, options, sameDatabase(command.optsWithGlobals()))),
    );
  const callers = program.command('callers').description('who may call: holders of API keys');
  callers
    .command('list')
    .description('the callers of the merchant')
    .action((_options: object, command: Command) => run(command, showCallers));
  callers
    .command('add')
    .description('makes a caller and shows its API key, this once')
    .argument('<id>', 'lower case letters, digits and dashes', shortText)
    .requiredOption('--name <text>', 'what people call it', shortText)
    .addOption(byOption())
    .action((id: string, options: { by?: string; name: string }, command: Command) =>
      run(command, (session) => makeCaller(session, id, options)),
    );
  callers
    .command('revoke')
    .description('ends the key of a caller; what it ordered stays')
    .argument('<id>', 'the caller')
    .addOption(byOption())
    .action((id: string, options: { by?: string }, command: Command) =>
      run(command, async (session) => {
        const { endCaller } = await import('../operations/callers.run.ts');
        const refusal = await endCaller({ ...session, by: byOf(session.io, options) }, id);
        return refusal ?? { document: { caller: id, revoked: true }, text: () => `The key of ${id} is revoked.\n` };
      }),
    );
}

async function makeMerchant(
  session: Session,
  merchantId: string,
  options: MerchantOptions,
  again: string,
): Promise<Answer> {
  const { addMerchant } = await import('../operations/callers.run.ts');
  const { name, currency, country } = options;
  const deed = { database: session.database, newId: session.newId, by: byOf(session.io, options) };
  const refusal = await addMerchant(deed, { merchantId, name, currency, country });
  if (refusal !== null) return refusal;
  const next = `Give it callers: onetill callers add shop --name 'The shop' --merchant ${merchantId}${again}\n`;
  return { document: { merchant: merchantId, currency, country }, text: () => `${merchantId} is there. ${next}` };
}

async function makeCaller(session: Session, callerId: string, options: { by?: string; name: string }): Promise<Answer> {
  const { addCaller } = await import('../operations/callers.run.ts');
  const apiKey = new Secret(`otk_${randomBytes(24).toString('base64url')}`);
  const deed = { ...session, by: byOf(session.io, options) };
  const refusal = await addCaller(deed, { callerId, name: options.name, apiKey });
  if (isRefused(refusal)) return refusal;
  const key = apiKey.reveal();
  return {
    document: { caller: callerId, api_key: key },
    text: () => `${callerId} may call with this key, which is not shown again:\n\n  X-API-Key: ${key}\n`,
  };
}

async function showCallers({ database, merchantId }: Session): Promise<Answer> {
  const { listCallers } = await import('../operations/callers.sql.ts');
  const callers = await listCallers(database, merchantId);
  const document = { callers: callers.map(({ callerId, name, ...times }) => ({ caller: callerId, name, ...times })) };
  const lines = callers.map((each) => {
    const state = each.revokedAt === null ? 'may call' : `revoked ${each.revokedAt.toISOString()}`;
    return `  ${each.callerId.padEnd(20)}  ${state.padEnd(32)}  ${each.name}\n`;
  });
  return { document, text: () => (lines.length === 0 ? `${merchantId} has no callers.\n` : lines.join('')) };
}
