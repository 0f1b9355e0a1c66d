/**
 * A model package by its URL, run by onnxruntime-web. Manifest, preprocessing and answers are the service's own code.
 * What differs from the service is who decodes the picture (picture.js) and which build of onnxruntime runs the model.
 */
import { classifierOf, parseLabels, parseManifest, tensorSpecOf } from '#browser';
import * as ort from 'onnxruntime-web';
import { decodePicture } from './picture.js';

// More threads need SharedArrayBuffer, and that a page whose server sends COOP and COEP headers.
ort.env.wasm.numThreads = 1;
ort.env.wasm.wasmPaths = '/onnxruntime/';

const MODELS = ['model.onnx', 'model.ort'];

/** @throws Error that says what in the package is wrong, or what this page does not run. */
export async function openPackage(url) {
  const manifest = parseManifest(await (await get(`${url}/model.json`)).json());
  if (manifest.task !== 'image-classification') {
    throw new Error(`This page shows pictures to classifiers; the package's task is "${manifest.task}".`);
  }
  const labelsFile = manifest.output.labels;
  const labels = labelsFile && parseLabels(labelsFile, await (await get(`${url}/${labelsFile}`)).json());
  const modelFile = MODELS.find((file) => file in manifest.files) ?? MODELS[0];
  const model = new Uint8Array(await (await get(`${url}/${modelFile}`)).arrayBuffer());
  const session = await ort.InferenceSession.create(model, { executionProviders: ['wasm'] });
  const inputs = session.inputMetadata.map((value) => tensorSpecOf(value, 'input'));
  const outputs = session.outputMetadata.map((value) => tensorSpecOf(value, 'output'));
  const classifier = classifierOf({ manifest, labels, inputs, outputs, batched: true });

  // A session runs one picture at a time.
  let turn = Promise.resolve();
  return {
    /** `picture` is a Blob, as a file input gives it. */
    classify: (picture) => {
      const answer = turn.then(() => classify(picture));
      turn = answer.catch(() => undefined);
      return answer;
    },
    release: () => session.release(),
  };

  async function classify(picture) {
    const { pixels, warning } = await decodePicture(picture);
    const { name, dtype, shape, data } = classifier.tensorOf(pixels);
    const results = await session.run({ [name]: new ort.Tensor(dtype, data, shape) });
    const tensors = outputs.map((output) => tensorOf(output.name, results[output.name]));
    return { ...classifier.classesOf(tensors, 0), warning };
  }
}

/** onnxruntime's tensor as the engine has them: float16 as its bits, which newer browsers wrap in a Float16Array. */
function tensorOf(name, { type, dims, data }) {
  const values = type === 'float16' ? new Uint16Array(data.buffer, data.byteOffset, data.length) : data;
  return { name, dtype: type, shape: [...dims], data: values };
}

async function get(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answered ${response.status}; a package's files were expected there.`);
  return response;
}
