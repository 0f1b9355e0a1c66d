/** The official `replicate` npm client, pointed at Sluice by its baseUrl and told nothing else. */
import { readFileSync } from 'node:fs';
import Replicate, { type Prediction } from 'replicate';
import { ModelsFolder } from '../support/models-folder.js';
import { Stack } from '../support/stack.js';
import { until } from '../support/until.js';

describe("Replicate's own client", () => {
  let stack: Stack;
  let replicate: Replicate;
  const models = new ModelsFolder().digits().fixtures('row_sum', 'multi');

  beforeAll(async () => {
    stack = await Stack.start({ models: models.path, awaits: ['digits', 'row_sum', 'multi'] });
    replicate = new Replicate({
      auth: 'any',
      baseUrl: `${stack.url}/v1`,
      useFileOutput: false,
    });
  });
  afterAll(async () => {
    await stack.close();
    models.remove();
  });

  const input = { x: [1, 2, 3, 4] };

  it('creates by version alone, and waits by polling', async () => {
    const created = await replicate.predictions.create({ version: 'row_sum:1', input });
    expect(created).toMatchObject({ model: 'row_sum', version: 'row_sum:1', source: 'api' });
    const ended = await replicate.wait(created, { interval: 50 });
    expect(ended).toMatchObject({ id: created.id, status: 'succeeded', output: [10], error: null });
    // What an object says of itself is enough to make another.
    const again = await replicate.predictions.create({ version: ended.version, input, wait: true });
    expect(again).toMatchObject({ status: 'succeeded', output: [10] });
  });

  it('creates by model, with any owner, and is answered when it waits', async () => {
    const created = await replicate.predictions.create({ model: 'anybody/row_sum', input, wait: 10 });
    expect(created).toMatchObject({ status: 'succeeded', output: [10] });
  });

  it('runs a model, by name and by version, and gives its output', async () => {
    expect(await replicate.run('anybody/row_sum', { input })).toEqual([10]);
    expect(await replicate.run('anybody/row_sum:row_sum:1', { input, wait: { mode: 'poll', interval: 50 } })).toEqual([
      10,
    ]);
  });

  // Its `fileEncodingStrategy: 'data-uri'` sends the client itself instead of the input (1.4.0); its default comes to the same.
  it('sends a picture as a data URI', async () => {
    const picture = new Blob([readFileSync('examples/digits/seven.png')], { type: 'image/png' });
    expect(await replicate.run('anybody/digits', { input: { image: picture } })).toMatchObject({ prediction: 7 });
  });

  it('gets, and pages through what it has made', async () => {
    const made = await replicate.predictions.create({ model: 'anybody/row_sum', input, wait: true });
    expect(await replicate.predictions.get(made.id)).toMatchObject({ id: made.id, output: [10] });
    const seen: Prediction[] = [];
    for await (const page of replicate.paginate(() => replicate.predictions.list())) seen.push(...page);
    expect(seen[0]!.id).toBe(made.id);
    expect(new Set(seen.map(({ id }) => id)).size).toBe(seen.length);
  });

  it('fails with the reason as text', async () => {
    const bad = replicate.run('anybody/digits', { input: { image: Buffer.from('no picture') } });
    await expect(bad).rejects.toThrow('Prediction failed: IMAGE_FORMAT_UNSUPPORTED: ');
    const refused = replicate.predictions.create({ version: 'nope', input });
    await expect(refused).rejects.toThrow('status 404');
  });

  describe('where no worker is', () => {
    beforeAll(async () => {
      await Promise.all(stack.workers.splice(0).map((worker) => worker.stop()));
      await until('none is left', async () => (await fetch(`${stack.url}/v1/models/row_sum/ready`)).status === 503);
    });

    it('cancels what waits', async () => {
      const created = await replicate.predictions.create({ version: 'row_sum:1', input });
      expect(created.status).toBe('starting');
      expect(await replicate.predictions.cancel(created.id)).toMatchObject({ id: created.id, status: 'canceled' });
      expect(await replicate.wait(created, { interval: 50 })).toMatchObject({ status: 'canceled' });
    });
  });
});
