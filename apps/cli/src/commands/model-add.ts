/** `sluice model add`: a package from this machine becomes a version that is served. */
import { parseArgs } from 'node:util';
import { EXIT, UsageError, type Command } from '../command.js';
import { add, type Added } from '../model/add-run.js';
import { GATEWAY_HELP, JSON_OPTION, modelClient } from '../model/model-command.js';
import type { ModelClient } from '../model/model-client.js';
import { modelName, modelVersion } from '../model/model-reference.js';
import { modelView } from '../model/model-view.js';
import { reportTable } from '../model/report-text.js';
import { withUploadSource } from '../model/upload-source.js';
import { ProgressLine } from '../progress-line.js';
import { interruptible } from '../stop-signals.js';
import { print, printRaw, tell } from '../terminal.js';

const USUAL_WAIT_SECONDS = 600;
const MOST_WAIT_SECONDS = 86_400;

export const modelAddCommand: Command = {
  usage: '<folder | archive | x.onnx> [--name n] [--version v] [--default] [--no-load] [--wait s | --no-wait] [--json]',
  help: [
    'Uploads a package (a folder, .zip, .tar.gz, .mar, or a bare model) and waits until it is verified.',
    '--name and --version win over what the package says. --default waits until it answers for the model as well.',
    `--no-load registers it without loading it. --wait says how many seconds at most (${USUAL_WAIT_SECONDS}), --no-wait not at all.`,
    'Adding the same again changes nothing, so a broken upload is simply repeated.',
    GATEWAY_HELP,
  ].join('\n'),

  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: {
        ...JSON_OPTION,
        name: { type: 'string' },
        version: { type: 'string' },
        default: { type: 'boolean', default: false },
        'no-load': { type: 'boolean', default: false },
        wait: { type: 'string' },
        'no-wait': { type: 'boolean', default: false },
      },
    });
    const [path, ...rest] = positionals;
    if (path === undefined || rest.length > 0) throw new UsageError('One folder, archive or model file was expected.');
    if (values.wait !== undefined && values['no-wait'])
      throw new UsageError('--wait and --no-wait exclude each other.');
    return run({
      path,
      name: values.name === undefined ? undefined : modelName(values.name),
      version: values.version === undefined ? undefined : modelVersion(values.version),
      isDefault: values.default,
      isLoaded: !values['no-load'],
      waitSeconds: values['no-wait'] ? 0 : secondsOf(values.wait),
      json: values.json,
    });
  },
};

interface Wanted {
  path: string;
  name: string | undefined;
  version: string | undefined;
  isDefault: boolean;
  isLoaded: boolean;
  waitSeconds: number;
  json: boolean;
}

function run({ path, name, version, isDefault, isLoaded, waitSeconds, json }: Wanted): Promise<number> {
  return interruptible(
    (signal) =>
      withUploadSource(path, { name, version, signal }, async ({ notes, ...source }) => {
        for (const note of notes) tell(note);
        const line = new ProgressLine(process.stderr, Infinity);
        const upload = { ...source, isDefault, isLoaded };
        const client = modelClient(signal);
        const added = await add({ client, upload, line, signal, waitSeconds }).finally(() => {
          line.end();
        });
        const code = outcome(added, json);
        const isForPeople = !json && waitSeconds > 0;
        if (code === EXIT.done && isForPeople && !isDefault) await tellWhoIsAsked(client, added.version.name);
        return code;
      }),
    'Stopped. What the gateway has received whole goes on being verified; "sluice model list" shows it.',
  );
}

function outcome({ came, version, notes }: Added, json: boolean): number {
  for (const note of notes) tell(note);
  const { name, version: number, state, reason, report, named_by: names = [] } = version;
  if (json) printRaw(came);
  else {
    if (report) print(`${reportTable(report.checks)}\n`);
    const isDefault = names.includes('default') ? ', and the default' : '';
    if (state !== 'failed') print(`${name}:${number} is ${state}${isDefault}.`);
  }
  if (state !== 'failed') return EXIT.done;
  tell(`${name}:${number} failed: ${reason ?? 'the gateway does not say why'}`);
  return EXIT.failed;
}

/** Without a default the newest version is asked, so one that was only added may be live at once. */
async function tellWhoIsAsked(client: ModelClient, name: string): Promise<void> {
  const model = await client.model(name).then(
    (came) => modelView.safeParse(JSON.parse(came)).data,
    () => undefined,
  );
  if (!model || model.default || model.split || model.versions.length < 2) return;
  tell(
    `${name} has no default, so requests without a version go to its newest that is ready. "sluice model default ${name} <version>" chooses one.`,
  );
}

function secondsOf(text: string | undefined): number {
  const seconds = Number(text ?? USUAL_WAIT_SECONDS);
  if (Number.isInteger(seconds) && seconds > 0 && seconds <= MOST_WAIT_SECONDS) return seconds;
  throw new UsageError(`--wait is "${text}"; a whole number of seconds up to ${MOST_WAIT_SECONDS} was expected.`);
}
