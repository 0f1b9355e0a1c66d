/**
 * The third door: what of the engine runs in a web page (examples/browser), where another onnxruntime runs the model
 * and the browser decodes pictures.
 *
 * Invariant: nothing that is reached from here needs Node; ESLint holds the imports, a test in a browser the rest.
 */
export { classifierOf, type Classifier } from './tasks/classifier.js';
export { labelLines, parseLabels } from '../packages/labels.js';
export { parseManifest, type Manifest } from '../packages/manifest.js';
export { tensorSpecOf } from './value-spec.js';
