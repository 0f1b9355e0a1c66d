/** model.json is refused with the place, what stood there and what was expected. */
import { parseManifest } from './manifest.js';

const minimal = { name: 'm', version: '1' };
const classifier = { ...minimal, task: 'image-classification', image: {} };
const detector = { ...minimal, task: 'object-detection', image: {} };
const segmenter = { ...minimal, task: 'image-segmentation', image: {} };

describe('model.json', () => {
  it('needs a name and a version only, and is then a tensor model', () => {
    expect(parseManifest(minimal)).toMatchObject({
      task: 'tensor',
      batching: { maxBatchSize: 32, maxDelayMs: 0 },
      output: { activation: 'softmax', topK: 5 },
      files: {},
    });
  });

  it('takes the pictures of ImageNet by default', () => {
    expect(parseManifest(classifier).image).toEqual({ color: 'RGB', scale: 0.00392156862745098, layout: 'NCHW' });
  });

  it('needs no more than the task for texts', () => {
    const { text, embedding } = parseManifest({ ...minimal, task: 'embedding' });
    expect(text).toEqual({ tokenizer: 'tokenizer.json' });
    expect(embedding).toEqual({ pooling: 'none', normalize: true });
    expect(parseManifest({ ...minimal, task: 'text-classification' }).embedding).toBeUndefined();
    expect(parseManifest(minimal).text).toBeUndefined();
  });

  it('says of a detector and of a segmenter what they may leave out', () => {
    expect(parseManifest(detector).output).toEqual({
      activation: 'none',
      threshold: 0.5,
      maxDetections: 100,
      firstLabel: 0,
    });
    expect(parseManifest(segmenter).output).toEqual({
      activation: 'softmax',
      threshold: 0.5,
      confidence: false,
      form: 'png',
    });
    const letterbox = { resize: { letterbox: [640, 640] } };
    expect(parseManifest({ ...detector, image: letterbox }).image?.resize).toEqual({
      letterbox: [640, 640],
      fill: 114,
    });
  });

  it.each([
    [[], /the whole: came \[\], expected a value of type object/],
    [{ name: 'm' }, /version: came nothing, expected a value of type string/],
    [{ ...minimal, version: 1 }, /version: came 1, expected a value of type string/],
    [{ ...minimal, name: 'Ä' }, /name: came "Ä", expected small letters/],
    [{ ...minimal, task: 'detection' }, /task: came "detection", expected one of "tensor", "image-classification"/],
    [{ ...minimal, task: 7 }, /task: came 7, expected one of "tensor"/],
    [{ ...minimal, labels: 'x' }, /labels is not a key that is known here/],
    [{ ...classifier, image: { colour: 'RGB' } }, /image\.colour is not a key that is known here/],
    [{ ...classifier, image: { color: 'RGBX' } }, /image\.color: came "RGBX", expected one of "RGB", "BGR", "GRAY"/],
    [{ ...classifier, image: { resize: 256 } }, /image\.resize: came 256, expected \{"shorterSide"/],
    [{ ...classifier, image: { crop: [224] } }, /image\.crop.*came/],
    [{ ...classifier, image: { mean: [0.5] } }, /image\.mean: came \[0\.5\], expected 3 numbers/],
    [{ ...classifier, image: { color: 'GRAY', std: [1, 1, 1] } }, /image\.std: came \[1,1,1\], expected 1 number/],
    [{ ...classifier, image: { std: [1, 0, 1] } }, /image\.std\.1: came 0, expected more than 0/],
    [{ ...minimal, task: 'image-classification' }, /image: came nothing, expected an object/],
    [{ ...minimal, image: {} }, /image: came \{\}, expected nothing, as the task is "tensor"/],
    [{ ...classifier, text: {} }, /text: came \{\}, expected nothing, as the task is "image-classification"/],
    [{ ...minimal, task: 'text-classification', embedding: {} }, /embedding: came \{\}, expected nothing/],
    [{ ...minimal, task: 'embedding', embedding: { pooling: 'max' } }, /pooling: came "max", expected one of "mean"/],
    [
      { ...minimal, task: 'embedding', text: { tokenizer: 'a/b.json' } },
      /text\.tokenizer: .*expected a bare file name/,
    ],
    [{ ...minimal, task: 'embedding', text: { maxLength: 1 } }, /text\.maxLength: came 1, expected at least 2/],
    [{ ...detector, image: undefined }, /image: came nothing, expected an object/],
    [{ ...detector, output: { topK: 5 } }, /output\.topK is not a key that is known here/],
    [{ ...classifier, output: { threshold: 0.5 } }, /output\.threshold is not a key that is known here/],
    [{ ...detector, output: { threshold: 50 } }, /output\.threshold: came 50, expected at most 1/],
    [{ ...detector, output: { nms: 0.5 } }, /output\.nms: came 0\.5, expected a value of type object/],
    [{ ...detector, output: { boxFormat: 'yxyx' } }, /output\.boxFormat: came "yxyx", expected one of "xyxy", "xywh"/],
    [{ ...detector, output: { scores: 's' } }, /output\.boxes: came nothing, expected the name of the output/],
    [{ ...detector, output: { boxes: 'b' } }, /output\.scores: came nothing, expected the name of the output/],
    [
      { ...detector, output: { boxes: 'b', packed: { columns: ['box', 'classes'] } } },
      /output\.boxes: came "b", expected nothing, as output\.packed holds all/,
    ],
    [
      { ...detector, output: { packed: { columns: ['box'] } } },
      /packed\.columns: came \["box"\], expected "box" and either/,
    ],
    [
      { ...detector, output: { packed: { columns: ['box', 'classes', 'score', 'label'] } } },
      /packed\.columns: came .*, expected "box" and either/,
    ],
    [{ ...detector, output: { packed: { columns: ['box', 'box', 'classes'] } } }, /packed\.columns.*each once/],
    [
      { ...detector, output: { packed: { columns: 'box' } } },
      /packed\.columns: came "box", expected a value of type array/,
    ],
    [{ ...segmenter, output: { form: 'jpeg' } }, /output\.form: came "jpeg", expected one of "png", "rle"/],
    [
      { ...detector, image: { resize: { letterbox: [8, 8] }, crop: [4, 4] } },
      /image\.crop: came \[4,4\], expected nothing, as image\.resize\.letterbox gives the size/,
    ],
    [
      { ...detector, image: { resize: { letterbox: [8, 8], fill: 256 } } },
      /image\.resize\.fill: came 256, expected at most 255/,
    ],
    [{ ...minimal, batching: { maxBatchSize: 0 } }, /batching\.maxBatchSize: came 0, expected at least 1/],
    [{ ...minimal, batching: { maxBatchSize: 1.5 } }, /batching\.maxBatchSize: came 1\.5, expected a whole number/],
    [
      { ...minimal, output: { labels: '../labels.json' } },
      /output\.labels: came "\.\.\/labels\.json", expected a bare file name/,
    ],
    [{ ...minimal, output: { labels: '..' } }, /output\.labels: came "\.\.", expected a bare file name/],
    [{ ...minimal, files: { 'model.onnx': 'abc' } }, /files\.model\.onnx: came "abc", expected "sha256-"/],
    [{ ...minimal, files: { '/etc/passwd': `sha256-${'0'.repeat(64)}` } }, /files.*expected bare file names/],
  ])('%j is refused', (raw, message) => {
    expect(() => parseManifest(raw)).toThrow(message);
  });

  it.each([
    [{ ...classifier, labels: 'labels.json' }, 'labels', 'output.labels'],
    [{ ...classifier, output: { top_k: 3 } }, 'output.top_k', 'output.topK'],
    [{ ...classifier, output: { lable: 'x' } }, 'output.lable', 'output.labels'],
    [{ ...classifier, image: { colour: 'RGB' } }, 'image.colour', 'image.color'],
    [{ ...classifier, image: { maxBatchSize: 4 } }, 'image.maxBatchSize', 'batching.maxBatchSize'],
    [{ ...minimal, batching: { max_batch_size: 4 } }, 'batching.max_batch_size', 'batching.maxBatchSize'],
    [{ ...minimal, Task: 'tensor' }, 'Task', 'task'],
    [{ ...classifier, shorterSide: 256 }, 'shorterSide', 'image.resize.shorterSide'],
    [{ ...detector, output: { nms: { IOU: 0.5 } } }, 'output.nms.IOU', 'output.nms.iou'],
    [{ ...detector, output: { topK: 5 } }, 'output.topK', 'one of boxes, scores, classes, packed, boxFormat, coord'],
    [{ ...minimal, batching: { wait: 4 } }, 'batching.wait', 'one of maxBatchSize, maxDelayMs'],
  ])('%j is told which key was meant', (raw, came, meant) => {
    expect(() => parseManifest(raw)).toThrow(`${came} is not a key that is known here; expected ${meant}`);
  });

  it('names the first of many keys that are not known', () => {
    const raw = { ...minimal, ...Object.fromEntries(Array.from({ length: 1_000 }, (_, i) => [`key${i}`, i])) };
    expect(() => parseManifest(raw)).toThrow(/key4 is not .*\. model\.json: 995 more keys are not known\.$/);
  });

  it('names every key that is not known', () => {
    const raw = { ...classifier, output: { topk: 1, label: 'x' } };
    expect(() => parseManifest(raw)).toThrow(
      'model.json: output.topk is not a key that is known here; expected output.topK.' +
        ' model.json: output.label is not a key that is known here; expected output.labels.',
    );
  });
});
