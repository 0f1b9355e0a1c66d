/** Names and versions of packages that do not say how they are called, from what they came as. */
import { MODEL_NAME, MODEL_VERSION } from '../../contract/model-description.js';

const SUFFIX = /(\.tar\.gz|\.tgz|\.tar|\.zip|\.mar|\.onnx|\.ort)$/i;

/** What a file or a folder is called, as a name of ours; undefined where nothing of it says which model it is. */
export function suggestedName(text: string): string | undefined {
  const name = validName(text.replace(SUFFIX, ''));
  return name === 'model' ? undefined : name;
}

/** What another service calls a model, as a name of ours. */
export function validName(text: string): string | undefined {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, '-')
    .slice(0, 64)
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');
  return MODEL_NAME.test(name) ? name : undefined;
}

/** What another service calls a version, as a version of ours. */
export function validVersion(text: string): string | undefined {
  const version = text
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .slice(0, 32)
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '');
  return MODEL_VERSION.test(version) ? version : undefined;
}

/** The version that a folder is called after: one that begins with a digit, perhaps after a "v". */
export function suggestedVersion(folder: string): string | undefined {
  return /^v?\d/.test(folder) && MODEL_VERSION.test(folder) ? folder : undefined;
}
