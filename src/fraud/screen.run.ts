import type { StepOutcome } from '../sagas/saga.ts';
import type { StepHandler } from '../sagas/steps.ts';
import { never } from '../shared/assert.ts';
import { money } from '../shared/money.ts';
import { ordersInLastHour } from './facts.sql.ts';
import type { FraudScreen, ScreenAnswer, ScreenFacts, Verdict } from './screen.ts';

/** The step `screen-for-fraud`: accept, refuse, or ask a person. It changes nothing outside, so it needs no undo. */
export function screenStep(screen: FraudScreen): StepHandler {
  return {
    async begin(tx, order) {
      const facts: ScreenFacts = {
        total: money(order.totalMinor, order.currency),
        shipToCountry: order.shipToCountry,
        billingCountry: order.billingCountry,
        ordersInLastHour: await ordersInLastHour(tx, order.orderId),
      };
      if (screen.kind === 'local') return { now: outcomeOf(screen.judge(facts)) };
      const remote = screen;
      return {
        call: async () => {
          const answer: ScreenAnswer = await remote.screen(order.orderId, facts);
          return async () => (answer.outcome === 'done' ? outcomeOf(answer.value) : answer);
        },
      };
    },
  };
}

function outcomeOf(verdict: Verdict): StepOutcome {
  switch (verdict.verdict) {
    case 'accept':
      return { outcome: 'done', detail: 'accepted' };
    case 'refuse':
      return { outcome: 'refused', code: 'order_refused', detail: verdict.reason };
    case 'hold':
      return { outcome: 'ask-person', reason: verdict.reason };
    default:
      return never(verdict, 'a fraud verdict');
  }
}
