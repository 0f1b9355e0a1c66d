/**
 * The second door of the library: what runs models. Only executors, tests, benchmarks and programs that embed a
 * model (docs/edge.md) open it, for it loads onnxruntime and sharp; a worker names executor.js by its path and never
 * imports from here.
 */
export { finishBatch, joinBatches, prepareBatch, type FinishedBatch, type PreparedBatch } from './batch.js';
export { decodeImage } from './image/decode.js';
export { place } from './image/place.js';
export type { Pixels } from './image/pixels.js';
export { toTensor, type Normalisation } from './image/to-tensor.js';
export { parseManifest, type Manifest } from '../packages/manifest.js';
export { loadModel, type Model, type Runner } from './model.js';
export { openModel, type Embedding, type OpenedModel, type OpenOptions, type PictureAnswer } from './opened-model.js';
export { openPackage, type Package } from '../packages/package.js';
export { Permits } from './permits.js';
export { RunClient } from './run/run-client.js';
export { checkProviders, openSession, Session } from './session.js';
export type { Segment, Segmentation } from './tasks/image-segmentation.js';
export type { Detection, Detections } from './tasks/object-detection.js';
export type { Classification, ScoredClass } from './tasks/scores.js';
