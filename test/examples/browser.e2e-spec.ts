// Proves: a package in a web page, in a real Chromium, answers what the service answers for the same pictures.
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { blocksOf } from '../docs/pages.js';
import { rowsOf } from '../docs/tables.js';
import { fixtureImage } from '../fixtures/packages.js';
import { Child } from '../support/child.js';
import { startChromium, withChromium } from '../support/chromium.js';
import { dataIsHere, readData, withData } from '../support/data.js';
import { ask } from '../support/http.js';
import { ModelsFolder } from '../support/models-folder.js';
import { Stack } from '../support/stack.js';

interface Answer {
  prediction: number;
  top: { index: number; score: number }[];
  warning?: string;
}

/** Between onnxruntime's WebAssembly and its native code, over the same pixels: measured 4e-7 and, in float16, 7e-5. */
const SAME_PIXELS = 1e-4;
/** Chromium 156 decodes these JPEGs to the service's pixels exactly; another version's decoder may round otherwise. */
const OTHER_DECODER = 0.02;

/** By the page's own module, for the page itself shows rounded scores. Text, as Jest would rewrite its `import`. */
const CLASSIFY = `async ({ url, base64 }) => {
  const { openPackage } = await import('/package.js');
  const classifier = await openPackage(url);
  try {
    return await classifier.classify(await (await fetch('data:;base64,' + base64)).blob());
  } finally {
    await classifier.release();
  }
}`;

const NO_WEBGL = `const { getContext } = OffscreenCanvas.prototype;
OffscreenCanvas.prototype.getContext = function (kind, ...rest) {
  return kind === 'webgl2' ? null : getContext.call(this, kind, ...rest);
};`;

const README = 'examples/browser/README.md';
const digit = (file: string): Buffer => readFileSync(join('examples/digits', file));

withChromium('the page of examples/browser', () => {
  const models = new ModelsFolder().digits().fixtures('tiny_mobile');
  if (dataIsHere) models.squeezenet();
  const more = dataIsHere ? ['squeezenet'] : [];
  let browser: Browser;
  let server: Child;
  let url: string;
  let stack: Stack;

  beforeAll(async () => {
    browser = await startChromium();
    const [, program] = blocksOf(README, 'sh')[0]!.trim().split('\nnode ');
    server = new Child(program!, {}, ['--models', models.path, '--port', '0']);
    url = (await server.logged(/^Open (http\S+)$/m))[1]!;
    stack = await Stack.start({ models: models.path, awaits: ['digits', 'tiny_mobile', ...more] });
  }, 90_000);
  afterAll(async () => {
    await browser.close();
    await server.stop();
    await stack.close();
    models.remove();
  });

  const open = async (name: string, before = ''): Promise<Page> => {
    const page = await browser.newPage();
    await page.addInitScript({ content: before });
    await page.goto(`${url}/?package=${name}`);
    await page.getByText('Ready', { exact: true }).waitFor();
    return page;
  };

  const inPage = (page: Page, name: string, picture: Buffer): Promise<Answer> =>
    page.evaluate(`(${CLASSIFY})(${JSON.stringify({ url: `/models/${name}`, base64: picture.toString('base64') })})`);

  const inService = async (model: string, picture: Buffer): Promise<Answer> => {
    const headers = { 'content-type': 'application/octet-stream' };
    const { status, json } = await ask(`${stack.url}/predict/${model}`, { headers, body: picture });
    expect(status).toBe(200);
    return json;
  };

  const expectSame = (page: Answer, service: Answer, tolerance: number): void => {
    expect(page.prediction).toBe(service.prediction);
    const scores = new Map(service.top.map(({ index, score }) => [index, score]));
    for (const { index, score } of page.top) {
      // Far down the list two classes may change places; what both list must agree.
      const other = scores.get(index);
      if (other !== undefined) expect(Math.abs(score - other)).toBeLessThanOrEqual(tolerance);
    }
    expect(Math.abs(page.top.at(-1)!.score - service.top.at(-1)!.score)).toBeLessThanOrEqual(tolerance);
  };

  it('shows the classes of a chosen picture and sends it nowhere', async () => {
    const page = await open('digits/1');
    const requests: string[] = [];
    page.on('request', (request) => requests.push(`${request.method()} ${request.url()}`));
    await page.setInputFiles('#picture', 'examples/digits/seven.png');
    await page.locator('#top tr').first().waitFor();
    const shown = rowsOf(README).filter((row) => 'score' in row);
    expect(await page.locator('#top tr').allInnerTexts()).toEqual(
      shown.map((row) => `${row['class']}\t${row['score']}`),
    );
    expect(requests).toEqual([]);
    await page.close();
  });

  it('says what is wrong with a file that is no picture, and with a package that is not there', async () => {
    const page = await open('digits/1');
    await page.setInputFiles('#picture', 'README.md');
    await page.getByText(/bytes are no picture that this browser can decode/).waitFor();
    await page.goto(`${url}/?package=none/1`);
    await page.getByText(/none\/1\/model.json answered 404/).waitFor();
    await page.close();
  });

  it('is served with nothing of the project beside it', async () => {
    for (const path of ['/server.mjs', '/models/../package.json', '/..%2f..%2fpackage.json', '/sluice/config.ts']) {
      expect((await ask(`${url}${path}`, { method: 'GET' })).status).toBeGreaterThanOrEqual(400);
    }
  });

  describe('with the digits model', () => {
    let page: Page;
    beforeAll(async () => {
      page = await open('digits/1');
    });

    const exact = [
      'gray.png',
      'palette.png',
      'gray-alpha.png',
      'gray16.png',
      'rgb.png',
      'rgba.png',
      'rgb.webp',
      'animated.gif',
    ];
    const lossy = [...Array.from({ length: 8 }, (_, i) => `orientation-${i + 1}.jpg`), 'cmyk.jpg'];

    it.each([
      ...['seven.png', 'three.png'].map((file) => [file, () => digit(file), SAME_PIXELS] as const),
      ...exact.map((file) => [file, () => fixtureImage(file), SAME_PIXELS] as const),
      ...lossy.map((file) => [file, () => fixtureImage(file), OTHER_DECODER] as const),
    ])('answers %s as the service does', async (_file, picture, tolerance) => {
      const service = await inService('digits', picture());
      expectSame(await inPage(page, 'digits/1', picture()), service, tolerance);
    });

    it('warns of transparency where there is no WebGL, without which the colours under it are lost', async () => {
      const without = await open('digits/1', NO_WEBGL);
      const { warning } = await inPage(without, 'digits/1', fixtureImage('rgba.png'));
      expect(warning).toMatch(/transparent/);
      await without.close();
    });
  });

  it("runs a package in onnxruntime's own format", async () => {
    const page = await open('tiny_mobile/1');
    const picture = fixtureImage('rgb.png');
    expectSame(await inPage(page, 'tiny_mobile/1', picture), await inService('tiny_mobile', picture), SAME_PIXELS);
    await page.close();
  });

  withData('SqueezeNet in the page against the service', () => {
    const photographs = ['images/dog1.jpg', 'images/kitten.jpg', 'images/3dogs.jpg'];
    const lossless = ['images/fish.png', 'images/kitten_224.png', 'images/mnist_3.png'];
    let page: Page;
    beforeAll(async () => {
      page = await open('squeezenet/1');
    });

    it.each([
      ...lossless.map((file) => [basename(file), file, SAME_PIXELS] as const),
      ...photographs.map((file) => [basename(file), file, OTHER_DECODER] as const),
    ])('answers %s as the service does', async (_name, file, tolerance) => {
      const service = await inService('squeezenet', readData(file));
      expectSame(await inPage(page, 'squeezenet/1', readData(file)), service, tolerance);
    });
  });
});
