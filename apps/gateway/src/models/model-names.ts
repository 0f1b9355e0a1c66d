/** Names in URLs and queries, checked before anything is looked up by them. */
import { MODEL_NAME, MODEL_VERSION, SluiceError, type VersionName } from '#inference';

/** @throws INPUT_INVALID */
export function checkedName(name: string): string {
  if (MODEL_NAME.test(name)) return name;
  throw new SluiceError(
    'INPUT_INVALID',
    `The model's name is ${shown(name)}; small letters, digits, ".", "_" and "-", 64 at most, were expected.`,
  );
}

/** @throws INPUT_INVALID */
export function checkedVersion({ name, version }: VersionName): VersionName {
  checkedName(name);
  if (MODEL_VERSION.test(version)) return { name, version };
  throw new SluiceError(
    'INPUT_INVALID',
    `The version is ${shown(version)}; letters, digits, ".", "_" and "-", 32 at most, were expected.`,
  );
}

function shown(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}
