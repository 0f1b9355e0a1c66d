/**
 * The only file that opens onnxruntime: sessions from a file, their metadata, and runs, in the types of tensor/.
 *
 * Invariants: tensors that go in are owned by the caller and not read after the run; tensors that come out own their
 * memory, so that they may be transferred; no message that leaves here holds a path.
 */
import { InferenceSession, listSupportedBackends, Tensor as OrtTensor } from 'onnxruntime-node';
import type { ExecutorSettings } from '../contract/executor-messages.js';
import type { TensorSpec } from '../contract/model-description.js';
import type { Dtype, NumericArray } from '../tensor/dtype.js';
import type { Tensor } from '../tensor/frame.js';
import { loadFailure } from './load-failure.js';
import { tensorSpecOf } from './value-spec.js';

/** A model of one Identity node: what it takes to learn whether a provider really works here. */
const PROBE = 'CAcSADo3ChAKAXgSAXkiCElkZW50aXR5EgFnWg8KAXgSCgoICAESBAoCCAFiDwoBeRIKCggIARIECgIIAUIECgAQDQ==';

const INSTALL: Record<string, string> = {
  cuda:
    'On linux/x64 with CUDA 12 and cuDNN 9 installed, run' +
    ' "ONNXRUNTIME_NODE_INSTALL=cuda12 node node_modules/onnxruntime-node/script/install" in the project folder (docs/gpu.md).',
  coreml: 'It comes with onnxruntime-node on macOS only.',
  dml: 'It comes with onnxruntime-node on Windows only.',
};
INSTALL['tensorrt'] = `${INSTALL['cuda']} TensorRT 10 must be installed as well.`;

export interface Outcome {
  outputs: Tensor[];
  inferMs: number;
}

/** How a session is opened whose nodes are to be placed; see placement/placed-session.ts. */
export interface Watching {
  /** Runs are profiled until `endProfile`, into one file whose path begins like this. */
  profilePrefix: string;
  /** Opening fails when a node of the main graph would be assigned to the CPU. */
  cpuFree: boolean;
}

export class Session {
  readonly inputs: TensorSpec[];
  readonly outputs: TensorSpec[];

  constructor(private readonly session: InferenceSession) {
    this.inputs = session.inputMetadata.map((value) => tensorSpecOf(value, 'input'));
    this.outputs = session.outputMetadata.map((value) => tensorSpecOf(value, 'output'));
  }

  async run(feeds: readonly Tensor[]): Promise<Outcome> {
    const named = Object.fromEntries(feeds.map((tensor) => [tensor.name, toOrt(tensor)]));
    const start = performance.now();
    try {
      const results = await this.session.run(named);
      const inferMs = performance.now() - start;
      return { outputs: this.outputs.map(({ name }) => fromOrt(name, results[name])), inferMs };
    } catch (error) {
      throw new Error(withoutPaths(error));
    }
  }

  /** Writes out the profile; runs after this leave no trace and cost what they cost without one. */
  endProfile(): void {
    this.session.endProfiling();
  }

  async release(): Promise<void> {
    await this.session.release();
  }
}

/** @throws Error with a message for the operator. */
export async function openSession(path: string, settings: ExecutorSettings, watching?: Watching): Promise<Session> {
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(path, optionsOf(settings, watching));
  } catch (error) {
    throw new Error(loadFailure(withoutPaths(error)));
  }
  return new Session(session);
}

/** @throws Error when a wanted provider does not work here, with what to do about it. */
export async function checkProviders(settings: ExecutorSettings): Promise<void> {
  const known = listSupportedBackends().map((backend) => backend.name);
  for (const provider of settings.providers) {
    let reason = `this build for ${process.platform}/${process.arch} has ${known.join(', ')}`;
    try {
      if (known.includes(provider)) {
        const probe = Buffer.from(PROBE, 'base64');
        await (await InferenceSession.create(probe, optionsOf({ ...settings, providers: [provider] }))).release();
        continue;
      }
    } catch (error) {
      reason = `${withoutPaths(error)}; ${reason}`;
    }
    const advice = INSTALL[provider] ?? 'Name one that it has.';
    throw new Error(`The execution provider "${provider}" cannot be used (${reason}). ${advice}`);
  }
}

function optionsOf({ threads, providers }: ExecutorSettings, watching?: Watching): InferenceSession.SessionOptions {
  return {
    executionProviders: providers,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // What fails is told in the answer; on standard error it would show paths, once for every bad input.
    logSeverityLevel: 4,
    ...(watching && { enableProfiling: true, profileFilePrefix: watching.profilePrefix }),
    // Strings only.
    extra: {
      session: {
        // Threads that spin while they wait cost other executors on the same cores a third of their speed.
        intra_op: { allow_spinning: '0' },
        inter_op: { allow_spinning: '0' },
        ...(watching?.cpuFree && { disable_cpu_ep_fallback: '1' }),
      },
    },
  };
}

function toOrt({ dtype, data, shape }: Tensor): OrtTensor {
  if (Array.isArray(data)) return new OrtTensor('string', data, shape);
  if (dtype === 'bool') return new OrtTensor('bool', data as Uint8Array, shape);
  if (dtype === 'float16') return float16Tensor(data as Uint16Array, shape);
  return new OrtTensor(data as Exclude<NumericArray, BigInt64Array | BigUint64Array>, shape);
}

function fromOrt(name: string, value: OrtTensor | undefined): Tensor {
  if (!value) throw new Error(`The model made no output "${name}".`);
  const dtype = value.type as Dtype;
  const shape = [...value.dims];
  const data = value.data;
  if (Array.isArray(data)) return { name, dtype, shape, data };
  if (dtype !== 'float16') return { name, dtype, shape, data };
  // A Float16Array where the platform has one: the same bits.
  return { name, dtype, shape, data: new Uint16Array(data.buffer, data.byteOffset, data.length) };
}

/**
 * Raw bits under the name float16. Given its proper type, onnxruntime-common turns them into a Float16Array where the
 * platform has one (Node 24), of which the native part sees 0 bytes: github.com/microsoft/onnxruntime/pull/32323.
 */
function float16Tensor(bits: Uint16Array, shape: number[]): OrtTensor {
  return Object.assign(new OrtTensor('uint16', bits, shape), { type: 'float16' as const });
}

/** onnxruntime quotes the model's place and its own source files; of each only the last name is kept. */
function withoutPaths(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/(?:[A-Za-z]:)?(?:[\\/][^\s\\/:'"]+)+[\\/]([^\s\\/:'"]+)/g, '$1').trim();
}
