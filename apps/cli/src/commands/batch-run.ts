/** `sluice batch run`: a folder or a file through a model, from a terminal. */
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { loadClientConfig } from '#inference';
import { BatchClient } from '../batch/batch-client.js';
import { BatchRun, type Progress } from '../batch/batch-run.js';
import { ProgressBar } from '../batch/progress-bar.js';
import { checkApart, checkUnused } from '../batch/results-file.js';
import { openRowInput, type RowInput } from '../batch/row-input.js';
import { StateFile, type RunState } from '../batch/run-state.js';
import { EXIT, UsageError, type Command } from '../command.js';
import { GatewayClient } from '../gateway-client.js';
import { modelReference } from '../model/model-reference.js';
import { interruptible } from '../stop-signals.js';

const ROWS_FAILED = 3;

export const batchRunCommand: Command = {
  usage: '<model>[:version] <folder|file.jsonl> -o out.jsonl [--json]',
  help: [
    'Runs every picture of a folder, or every line of a file, through a model and writes a line a row, in order.',
    'Ctrl-C stops; the same command goes on where it stopped, by the file out.jsonl.state.',
    'An input, or a file that is not empty and has no such file beside it, is not written over.',
    'The server is SLUICE_URL, its key SLUICE_API_KEY. --json prints progress as JSON lines to standard output.',
    'Exit codes: 0 every row has an output, 3 some have none, 2 bad arguments, 1 it could not go on, 4 not now, 130 stopped.',
  ].join('\n'),

  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { out: { type: 'string', short: 'o' }, json: { type: 'boolean', default: false } },
    });
    const [model, source, ...rest] = positionals;
    if (model === undefined || source === undefined || rest.length > 0) {
      throw new UsageError('A model and a folder or file were expected.');
    }
    if (values.out === undefined) throw new UsageError('-o says where the results go; it is missing.');
    return run({ model, source, out: values.out, json: values.json });
  },
};

interface Wanted {
  model: string;
  source: string;
  out: string;
  json: boolean;
}

function run(wanted: Wanted): Promise<number> {
  const bar = new ProgressBar(process.stderr);
  const show = (progress: Progress): void => {
    if (wanted.json) process.stdout.write(`${JSON.stringify(progress)}\n`);
    else bar.show(progress);
  };
  return interruptible(async (signal) => {
    const { failed } = await runOnce(wanted, signal, show).finally(() => bar.end());
    return failed === 0 ? EXIT.done : ROWS_FAILED;
  }, 'Stopped. The same command goes on from here.');
}

async function runOnce(
  { model, source, out }: Wanted,
  signal: AbortSignal,
  progress: (now: Progress) => void,
): Promise<Progress> {
  const { name, version } = modelReference(model);
  const { url } = loadClientConfig();
  const client = new BatchClient(GatewayClient.configured(signal));
  const input = await openRowInput(source);
  const file = new StateFile(`${out}.state`);
  await checkApart([out, ...file.paths], input.files);
  const state = await stateOf(file, { server: url, model, input, out });
  if (state.batch === undefined) {
    state.batch = (await client.create({ model: name, version, key: state.key })).id;
    await file.write(state);
  }
  const begun = { ...state, batch: state.batch };
  const ended = await new BatchRun({ client, input, state: begun, file, out, signal, progress }).run();
  await file.remove();
  return ended;
}

async function stateOf(
  file: StateFile,
  { server, model, input, out }: { server: string; model: string; input: RowInput; out: string },
): Promise<RunState> {
  const known = await file.read();
  if (known?.batch === undefined) await checkUnused(out, file.path);
  const same = known?.server === server && known.model === model && known.fingerprint === input.fingerprint;
  if (known && same) return known;
  // One that has begun no batch holds nothing back.
  if (known?.batch !== undefined) {
    throw new Error(
      `${file.path} is of another run: another server, model or input. To begin a new one name another file with -o, or remove ${out} and ${file.path}.`,
    );
  }
  const key = randomBytes(16).toString('base64url');
  const state = { v: 1 as const, server, model, fingerprint: input.fingerprint, key, written: 0, bytes: 0, failed: 0 };
  await file.write(state);
  return state;
}
