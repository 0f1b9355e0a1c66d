/** Finds model packages: `<models>/<name>/<version>/`. What is in them is the executor's to judge. */
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { MODEL_NAME, MODEL_VERSION, modelKey } from '#inference';

export interface PackageFolder {
  key: string;
  name: string;
  version: string;
  directory: string;
}

export interface FoundPackages {
  packages: PackageFolder[];
  /** Folders that look meant as packages but are not; each says what is wrong. */
  warnings: string[];
}

/** @throws Error when the folder itself cannot be read. */
export async function findPackages(modelsDir: string): Promise<FoundPackages> {
  const found: FoundPackages = { packages: [], warnings: [] };
  const names = await folders(modelsDir).catch(() => {
    throw new Error(
      `The models folder "${modelsDir}" cannot be read. Make it, or set SLUICE_MODELS to the one you mean.`,
    );
  });
  for (const name of names) {
    if (!MODEL_NAME.test(name)) {
      found.warnings.push(
        `"${name}" is not a model name: use a-z, 0-9, ".", "_" and "-", at most 64, a letter or digit first`,
      );
      continue;
    }
    const versions = await folders(join(modelsDir, name));
    if (versions.length === 0) found.warnings.push(`"${name}" holds no version: put the package into ${name}/1/`);
    for (const version of versions) {
      if (MODEL_VERSION.test(version)) {
        const directory = resolve(modelsDir, name, version);
        found.packages.push({ key: modelKey(name, version), name, version, directory });
      } else
        found.warnings.push(`"${name}/${version}" is not a version: use letters, digits, ".", "_" and "-", at most 32`);
    }
  }
  return found;
}

async function folders(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map((entry) => entry.name)
    .sort();
}
