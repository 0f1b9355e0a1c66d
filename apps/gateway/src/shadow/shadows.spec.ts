/** Which requests are shadowed, how many at once, and how the outcome is counted; the caller waits for none of it. */
import { encodeFrame, GatewayMetrics, SluiceError, type Route } from '#inference';
import { setImmediate as turn } from 'node:timers/promises';
import { registered, registryView, worker } from '../../../../test/fixtures/fleet.js';
import { isDescribed, snapshotOf, type ServedModel } from '../models/catalog/fleet-snapshot.js';
import type { Reply } from '../predictions/pending-prediction.js';
import type { PredictionRequest } from '../predictions/predictions.service.js';
import { Shadows } from './shadows.js';

const snapshot = snapshotOf(
  { workers: [worker('w', 'm:1 ready', 'm:2 ready', 'm:3 loadable')], models: [] },
  registryView([registered('m', '1'), registered('m', '2'), registered('m', '3')]),
);

function find(key: string): ServedModel | undefined {
  const known = snapshot.versions.get(key);
  return isDescribed(known) ? known : undefined;
}

function reply(...values: number[]): Reply {
  const tensor = { name: 'y', dtype: 'float32' as const, shape: [values.length], data: new Float32Array(values) };
  return { result: { type: 'tensors' }, bytes: encodeFrame([tensor]) } as Reply;
}

interface Setting {
  /** null: none. */
  shadow?: Route['shadow'] | null;
  chance?: number;
  busy?: boolean;
  answers?: (request: PredictionRequest) => Promise<Reply[]>;
}

function setUp({ shadow = { version: '2', share: 1 }, chance = 0, busy = false, answers }: Setting = {}) {
  const metrics = new GatewayMetrics();
  const asked: PredictionRequest[] = [];
  const shadows = new Shadows({
    context: { metrics, log: { warn: () => undefined } as never },
    catalog: { find, route: () => ({ aliases: {}, ...(shadow ? { shadow } : {}) }) },
    predictions: {
      isBusy: () => busy,
      predict: (request) => {
        asked.push(request);
        return answers ? answers(request) : Promise.resolve([reply(1, 2)]);
      },
    },
    chance: () => chance,
  });
  const begin = (bytes = 4) =>
    shadows.begin({
      model: find('m:1')!,
      items: [{ type: 'tensors', rows: 1, bytes: [new Uint8Array(bytes)] }],
      requestId: 'r1',
    });
  const counted = async (): Promise<Record<string, number>> => {
    await turn();
    const { values } = await metrics.shadows.get();
    return Object.fromEntries(values.map(({ labels, value }) => [String(labels.outcome), value]));
  };
  return { begin, counted, asked, metrics };
}

describe('a request', () => {
  it('runs on the shadow at low priority, with the same inputs', () => {
    const { begin, asked } = setUp();
    begin();
    expect(asked).toMatchObject([{ shadow: true, requestId: 'r1', items: [{ rows: 1 }], model: { key: 'm:2' } }]);
  });

  it.each([
    ['no shadow', { shadow: null }],
    ['a shadow that is its own version', { shadow: { version: '1', share: 1 } }],
    ['another lot', { shadow: { version: '2', share: 0.3 }, chance: 0.3 }],
  ])('with %s runs once, and nothing is counted', async (_, setting) => {
    const { begin, asked, counted } = setUp(setting);
    begin()([reply(1, 2)]);
    expect(asked).toEqual([]);
    expect(await counted()).toEqual({});
  });
});

describe('the outcome', () => {
  it.each([
    ['same', [reply(1, 2)]],
    ['same', [reply(1, 2.0001)]],
    ['differs', [reply(1, 2.1)]],
    ['differs', [reply(1)]],
  ])('is "%s"', async (outcome, answer) => {
    const { begin, counted } = setUp({ answers: () => Promise.resolve(answer) });
    begin()([reply(1, 2)]);
    expect(await counted()).toEqual({ [outcome]: 1 });
  });

  it.each([
    ['failed', new SluiceError('MODEL_RUN_FAILED', '')],
    ['failed', new SluiceError('INPUT_INVALID', '')],
    ['failed', new Error('unforeseen')],
    ['dropped', new SluiceError('DEADLINE_EXCEEDED', '')],
    ['dropped', new SluiceError('MODEL_NOT_FOUND', '')],
  ])('is "%s" after %s', async (outcome, error) => {
    const { begin, counted } = setUp({ answers: () => Promise.reject(error) });
    begin()([reply(1, 2)]);
    expect(await counted()).toEqual({ [outcome]: 1 });
  });

  it('has its difference in a histogram', async () => {
    const { begin, counted, metrics } = setUp({ answers: () => Promise.resolve([reply(1, 1.5)]) });
    begin()([reply(1, 2)]);
    await counted();
    const { values } = await metrics.shadowDifference.get();
    expect(values).toContainEqual(expect.objectContaining({ metricName: 'sluice_shadow_difference_sum', value: 0.25 }));
  });
});

describe('what finds no room is dropped', () => {
  it.each([
    ['a version that is not ready', { shadow: { version: '3', share: 1 } }],
    ['a version that is not there', { shadow: { version: '9', share: 1 } }],
    ['a version with callers that wait', { busy: true }],
  ])('at %s', async (_, setting) => {
    const { begin, asked, counted } = setUp(setting);
    begin()([reply(1, 2)]);
    expect(asked).toEqual([]);
    expect(await counted()).toEqual({ dropped: 1 });
  });

  it('beyond 64 under way, and not when one of them has ended', async () => {
    const ends: ((replies: Reply[]) => void)[] = [];
    const { begin, asked, counted } = setUp({ answers: () => new Promise((resolve) => ends.push(resolve)) });
    for (let i = 0; i < 65; i++) begin();
    expect(asked).toHaveLength(64);
    expect(await counted()).toEqual({ dropped: 1 });
    ends[0]!([]);
    await turn();
    begin();
    expect(asked).toHaveLength(65);
  });

  it('beyond 32 MiB of inputs', async () => {
    const { begin, asked, counted } = setUp({ answers: () => new Promise(() => undefined) });
    for (let i = 0; i < 3; i++) begin(12 * 1024 * 1024);
    expect(asked).toHaveLength(2);
    expect(await counted()).toEqual({ dropped: 1 });
  });
});
