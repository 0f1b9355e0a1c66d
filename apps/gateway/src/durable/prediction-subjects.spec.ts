/** Proves: an event is told with the time that it had, whatever became of its prediction since. */
import { loadGatewayConfig } from '#inference';
import { ledgerInEach, submission, type LedgerOnRedis } from '../../../../test/fixtures/ledger.js';
import { PredictionSubjects } from './prediction-subjects.js';

describe('predictions as webhooks tell of them', () => {
  let at: LedgerOnRedis;
  ledgerInEach((it) => (at = it));

  it('keep the times of a generation when they are tried again', async () => {
    const { ledger, clock } = at;
    const subjects = new PredictionSubjects({ ledger, config: loadGatewayConfig({}) });
    const it = submission(clock, { head: { webhook: 'https://example.com/hook' } });
    const { id } = it;
    await ledger.submit(it);
    const times: { start: number; completed: number }[] = [];
    for (const generation of [0, 1]) {
      if (generation > 0) await ledger.retry(id, clock.now() + 60_000);
      clock.pass(1_000);
      const start = clock.now();
      await ledger.begin({ id, generation });
      clock.pass(1_000);
      times.push({ start, completed: clock.now() });
      await ledger.fail({ id, generation }, { code: 'MODEL_RUN_FAILED', message: 'it failed' });
    }
    await ledger.retry(id, clock.now() + 60_000);
    for (const generation of [0, 1]) {
      for (const event of ['start', 'completed'] as const) {
        expect(await subjects.subjectOf({ prediction: id, event, generation })).toMatchObject({
          at: times[generation]![event],
        });
        const { start, completed } = times[generation]!;
        const object = JSON.parse(
          (await subjects.render({ prediction: id, event, generation }, 'full')) as string,
        ) as object;
        expect(object).toMatchObject({
          started_at: new Date(start).toISOString(),
          completed_at: event === 'start' ? null : new Date(completed).toISOString(),
        });
      }
    }
  });
});
