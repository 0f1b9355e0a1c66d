/**
 * onnxruntime's own profile of a model's first runs, in a temporary folder of its own: the only place where it says in
 * a form made for programs which provider ran which node.
 *
 * Invariants: the folder is gone after `remove`, whatever happened; a node is in the answer once, however often it ran.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

/** `[{"float":[1,3]},{"int64":[2]}]`; what is no tensor has another form or is missing. */
const tensors = z.array(z.record(z.string(), z.array(z.number()))).catch([]);
const nodeEvent = z.object({
  cat: z.literal('Node'),
  name: z.string(),
  args: z.object({
    provider: z.string(),
    op_name: z.string(),
    node_index: z.string(),
    input_type_shape: tensors,
    output_type_shape: tensors,
  }),
});
const SUFFIX = '_kernel_time';

export interface TensorForm {
  /** As the profile has it: float, int64, bool … */
  type: string;
  shape: number[];
}

export interface ProfiledNode {
  /** As SLUICE_PROVIDERS names it: cpu, cuda, webgpu … */
  provider: string;
  operator: string;
  /** Every tensor that went in or came out, over all runs. */
  tensors: TensorForm[];
}

export class TrialProfile {
  private constructor(private readonly folder: string) {}

  /** @throws Error for the operator when there is no temporary folder to write to. */
  static async create(): Promise<TrialProfile> {
    try {
      return new TrialProfile(await mkdtemp(join(tmpdir(), 'sluice-placement-')));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new Error(
        `No temporary folder can be made (${code}) for the profile that shows where nodes run.` +
          ' Set TMPDIR to a folder that the worker may write to.',
      );
    }
  }

  /** What onnxruntime puts before the date and ".json". */
  get prefix(): string {
    return join(this.folder, 'trial');
  }

  /** Complete only after the session has ended its profile. @throws Error when there is none, or none of this form. */
  async read(): Promise<ProfiledNode[]> {
    const files = await readdir(this.folder);
    if (files.length !== 1) throw new Error(`onnxruntime wrote ${files.length} profiles of the trial run, not one.`);
    return nodesOf(JSON.parse(await readFile(join(this.folder, files[0]!), 'utf8')));
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The nodes of a profile in the trace-event format, in the order in which they first ran. */
export function nodesOf(profile: unknown): ProfiledNode[] {
  const nodes = new Map<string, ProfiledNode>();
  for (const entry of z.array(z.unknown()).parse(profile)) {
    const event = nodeEvent.safeParse(entry).data;
    if (!event?.name.endsWith(SUFFIX)) continue;
    const { provider, op_name: operator, node_index: index, input_type_shape, output_type_shape } = event.args;
    // An index counts within its graph, and a branch is a graph of its own: the name tells the two apart.
    const key = `${event.name} ${index}`;
    const node = nodes.get(key) ?? { provider: nameOf(provider), operator, tensors: [] };
    for (const forms of [...input_type_shape, ...output_type_shape]) {
      for (const [type, shape] of Object.entries(forms)) node.tensors.push({ type, shape });
    }
    nodes.set(key, node);
  }
  return [...nodes.values()];
}

function nameOf(provider: string): string {
  return provider.replace(/ExecutionProvider$/, '').toLowerCase();
}
