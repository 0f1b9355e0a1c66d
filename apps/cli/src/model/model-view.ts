/**
 * What of a gateway's answers about models is shown. Everything else in them is passed over, so that another build of
 * the gateway may say more.
 */
import { z } from 'zod';
import { CommandError, EXIT } from '../command.js';

const worker = z.object({
  worker: z.string(),
  state: z.string(),
  reason: z.string().optional(),
  device: z.string().optional(),
});

const report = z.object({
  checks: z.array(
    z.object({ check: z.string(), status: z.string(), message: z.string().optional(), ms: z.number().optional() }),
  ),
  latency: z.object({ alpha: z.number(), beta: z.number(), bestBatch: z.number() }).optional(),
  memoryBytes: z.number().optional(),
});

export const versionView = z.object({
  name: z.string(),
  version: z.string(),
  state: z.string(),
  /** Why it is in this state. */
  reason: z.string().optional(),
  digest: z.string().optional(),
  bytes: z.number().optional(),
  source: z.string().optional(),
  by: z.string().optional(),
  created_at: z.string().optional(),
  task: z.string().optional(),
  named_by: z.array(z.string()).optional(),
  workers: z.array(worker).optional(),
  workers_ready: z.number().optional(),
  errors: z.array(z.object({ code: z.string(), count: z.number(), last_at: z.string() })).optional(),
  report: report.nullish(),
  /** Of a registration: what was assumed about the package. */
  notes: z.array(z.string()).optional(),
});
export type VersionView = z.infer<typeof versionView>;

export const modelView = z.object({
  name: z.string(),
  default: z.string().nullish(),
  aliases: z.record(z.string(), z.string()).default({}),
  split: z.array(z.object({ version: z.string(), weight: z.number() })).nullish(),
  shadow: z.object({ version: z.string(), share: z.number() }).nullish(),
  versions: z.array(versionView),
});
export type ModelView = z.infer<typeof modelView>;

/** A page; `next` is the name behind which the next one begins. */
export const modelList = z.object({ models: z.array(modelView), next: z.string().nullish() });

/** @throws CommandError when the answer is not what a gateway of this build says. */
export function viewOf<T>(schema: z.ZodType<T>, answer: string): T {
  const parsed = schema.safeParse(json(answer));
  if (parsed.success) return parsed.data;
  const at = parsed.error.issues[0]?.path.join('.') ?? '';
  throw new CommandError(
    `The gateway's answer cannot be read${at && ` (at ${at})`}. Is SLUICE_URL a gateway of this version? --json prints the answer as it is.`,
    EXIT.failed,
  );
}

function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
