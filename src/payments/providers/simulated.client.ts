import { toWire } from '../../shared/money.ts';
import type { Outbound, OutboundOutcome } from '../../shared/outbound.ts';
import type { PartyName } from '../../shared/parties.ts';
import type { Secret } from '../../shared/secret.ts';
import type { Authorisation, MoneyRequest, PaymentProvider, ProviderOutcome } from '../provider.ts';
import { outcomeOfChange, outcomeOfFind } from './simulated.ts';

export type SimulatedProviderOptions = {
  readonly outbound: Outbound<PartyName>;
  /** The origin of the simulator, such as `http://127.0.0.1:4400`; it must be on the outbound client's allow list. */
  readonly origin: string;
  readonly apiKey: Secret;
};

/** The payment provider that simulators/payment-provider stands for, over its HTTP API. */
export function createSimulatedProvider(options: SimulatedProviderOptions): PaymentProvider {
  function call(method: 'GET' | 'POST', path: string, key?: string, body?: object): Promise<OutboundOutcome> {
    return options.outbound.call({
      party: 'payment-provider',
      method,
      url: `${options.origin}${path}`,
      headers: {
        authorization: `Bearer ${options.apiKey.reveal()}`,
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async function change(
    path: 'captures' | 'refunds' | 'voids',
    key: string,
    providerReference: string,
    body: object,
  ): Promise<ProviderOutcome<Authorisation>> {
    const reply = await call('POST', `/v1/authorisations/${encodeURIComponent(providerReference)}/${path}`, key, body);
    return outcomeOfChange(reply, { providerReference });
  }

  return {
    name: 'simulated',
    async authorise({ key, amount, token, reference }) {
      const { amountMinor, currency } = amount;
      const body = { amount_minor: toWire(amountMinor), currency, token: token.reveal(), reference };
      return outcomeOfChange(await call('POST', '/v1/authorisations', key, body), {
        key,
        reference,
        amountMinor,
        currency,
      });
    },
    capture: (request) => change('captures', request.key, request.providerReference, moneyBody(request)),
    refund: (request) => change('refunds', request.key, request.providerReference, moneyBody(request)),
    void: (request) => change('voids', request.key, request.providerReference, {}),
    async find({ authoriseKey }) {
      const reply = await call('GET', `/v1/authorisations?key=${encodeURIComponent(authoriseKey)}`);
      return outcomeOfFind(reply, authoriseKey);
    },
  };
}

function moneyBody({ amount }: MoneyRequest): object {
  return { amount_minor: toWire(amount.amountMinor), currency: amount.currency };
}
