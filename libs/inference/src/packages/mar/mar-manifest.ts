/** MAR-INF/MANIFEST.json, of which only what decides something here is looked at. */
import { z } from 'zod';
import { MAR_INF } from '../archive/layout.js';
import { readObject } from '../ingest/draft.js';
import { refusePackage } from '../refusal.js';
import type { StagedFile } from '../store/staging.js';

export const MAR_MANIFEST = `${MAR_INF}/MANIFEST.json`;

/** The archiver writes an empty string, or nothing, for what was not given. */
const text = z
  .string()
  .max(512)
  .optional()
  .transform((value) => value?.trim() || undefined);

const schema = z.object({
  model: z.object({
    modelName: text,
    modelVersion: text,
    serializedFile: text,
    handler: text,
    modelFile: text,
    requirementsFile: text,
    configFile: text,
  }),
});

export type MarManifest = z.output<typeof schema>['model'];

/** @throws PACKAGE_INVALID */
export async function readMarManifest(file: StagedFile): Promise<MarManifest> {
  const parsed = schema.safeParse(await readObject(MAR_MANIFEST, file));
  if (parsed.success) return parsed.data.model;
  const issue = parsed.error.issues[0]!;
  throw refusePackage(
    `${MAR_MANIFEST}: ${issue.path.join('.')} is not what torch-model-archiver writes there (${issue.message}). Make the archive again.`,
  );
}
