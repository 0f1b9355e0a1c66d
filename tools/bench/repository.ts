/** Where this checkout's parts lie, seen from the built benchmark in dist/tools/bench/. */
import { fileURLToPath } from 'node:url';

const ROOT = new URL('../../../', import.meta.url);

export function inRepository(path: string): string {
  return fileURLToPath(new URL(path, ROOT));
}
