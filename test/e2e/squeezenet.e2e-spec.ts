// Proves: a real ImageNet model, served from the data folder, gives the golden answers through every body form.
import { ask, form } from '../support/http.js';
import { dataPath, readData, withData } from '../support/data.js';
import { ModelsFolder } from '../support/models-folder.js';
import { Stack } from '../support/stack.js';

interface Golden {
  image: string;
  variant: string;
  top5: { index: number; label: string; probability: number }[];
  top1_stable_under_pm2_noise: boolean;
}

withData('SqueezeNet against the golden predictions', () => {
  const models = new ModelsFolder();
  let stack: Stack;
  beforeAll(async () => {
    stack = await Stack.start({ models: models.squeezenet().path, awaits: ['squeezenet'] });
  }, 90_000);
  afterAll(async () => {
    await stack.close();
    models.remove();
  });

  const { squeezenet } = JSON.parse(readData('goldens', 'predictions.json').toString()) as {
    squeezenet: { predictions: Golden[] };
  };
  const goldens = squeezenet.predictions.filter((golden) => golden.variant === 'resize224_crop224');
  const picture = (golden: Golden) => readData(golden.image.includes('/') ? golden.image : `images/${golden.image}`);

  it.each(goldens.map((golden) => [golden.image, golden] as const))(
    '%s as a form upload and as raw bytes',
    async (image, golden) => {
      const type = image.endsWith('.png') ? 'image/png' : 'image/jpeg';
      const asForm = await ask(
        `${stack.url}/predict`,
        form([{ name: 'file', filename: image, content: picture(golden) }]),
      );
      const asBytes = await ask(`${stack.url}/predict/squeezenet`, {
        headers: { 'content-type': type },
        body: picture(golden),
      });
      expect(asForm.status).toBe(200);
      expect(asForm.json.top).toEqual(asBytes.json.top);
      if (golden.top1_stable_under_pm2_noise) expect(asForm.json.prediction).toBe(golden.top5[0]!.index);
      const scores = new Map(
        asForm.json.top.map((entry: { index: number; score: number }) => [entry.index, entry.score]),
      );
      for (const { index, probability, label } of golden.top5) {
        expect(Math.abs(((scores.get(index) as number | undefined) ?? 0) - probability)).toBeLessThanOrEqual(0.1);
        expect(label.length).toBeGreaterThan(0);
      }
    },
  );

  it('has its labels from the model zoo file', async () => {
    const { json } = await ask(`${stack.url}/predict`, {
      headers: { 'content-type': 'image/jpeg' },
      body: readData('images', 'dog1.jpg'),
    });
    expect(json).toMatchObject({ prediction: 208, label: expect.stringMatching(/Labrador/i) });
    expect(dataPath()).toBeTruthy();
  });
});
