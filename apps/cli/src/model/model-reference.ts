/** `<model>` or `<model>:<version>` on the command line, where a version may also be an alias. */
import { MODEL_NAME, MODEL_VERSION } from '../../../../libs/inference/src/contract/model-description.js';
import { UsageError } from '../command.js';

export interface ModelReference {
  name: string;
  version: string | undefined;
}

/** Both are parts of URLs from here on. @throws UsageError for what can be no name. */
export function modelReference(text: string): ModelReference {
  const at = text.indexOf(':');
  if (at < 0) return { name: modelName(text), version: undefined };
  return { name: modelName(text.slice(0, at)), version: modelVersion(text.slice(at + 1)) };
}

export function modelName(text: string): string {
  if (MODEL_NAME.test(text)) return text;
  throw new UsageError(
    `"${text}" is no model's name: small letters, digits, ".", "_" and "-", at most 64, a letter or digit first, was expected.`,
  );
}

export function modelVersion(text: string): string {
  if (MODEL_VERSION.test(text)) return text;
  throw new UsageError(
    `"${text}" is no version: letters, digits, ".", "_" and "-", at most 32, a letter or digit first, was expected.`,
  );
}
