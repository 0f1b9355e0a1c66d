/**
 * Which version answers for a model's name, in the hash `route:<name>`: the default, named aliases, a weighted split, a
 * shadow. Written by the scripts in registry/ alone.
 *
 * Invariant: a version that a route names is registered, or served from a worker's own folder; it is not removed while
 * a route names it.
 */
import { z } from 'zod';

/** `stable`, `canary`: never the spelling of a version that exists, which would hide it. */
export const ALIAS = /^[a-z][a-z0-9-]{0,31}$/;
/** The newest version that can be served, by natural order. */
export const LATEST = 'latest';

export const MAX_ALIASES = 32;

const json = <T extends z.ZodType>(schema: T) =>
  z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(schema);

/** Of requests that name no version, each goes to a version with the chance weight / sum of weights. */
export const split = z
  .array(z.object({ version: z.string(), weight: z.number().int().min(0).max(1_000) }))
  .min(2)
  .max(8);
export type Split = z.infer<typeof split>;

/** This share of requests without a version runs on `version` too; callers never see that answer. */
export const shadow = z.object({ version: z.string(), share: z.number().gt(0).max(1) });
export type Shadow = z.infer<typeof shadow>;

export const route = z.object({
  /** Version of requests that name none; without it the newest that is ready. */
  default: z.string().optional(),
  aliases: json(z.record(z.string().regex(ALIAS), z.string())).default({}),
  split: json(split).optional(),
  shadow: json(shadow).optional(),
});
export type Route = z.infer<typeof route>;
