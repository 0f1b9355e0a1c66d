/** `sluice model show`: one version with everything that is known of it. */
import { parseArgs } from 'node:util';
import { EXIT, UsageError, type Command } from '../command.js';
import { GATEWAY_HELP, JSON_OPTION, modelClient } from '../model/model-command.js';
import { modelName, modelVersion } from '../model/model-reference.js';
import { modelTable, versionFields } from '../model/model-table.js';
import { modelView, versionView, viewOf } from '../model/model-view.js';
import { reportTable } from '../model/report-text.js';
import { print, printRaw } from '../terminal.js';

export const modelShowCommand: Command = {
  usage: '<model> [version] [--json]',
  help: [
    'Shows a version: its state on each worker, what its verification found, why it failed. Without a version, the model.',
    GATEWAY_HELP,
  ].join('\n'),

  async run(args) {
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options: JSON_OPTION });
    const [first, version, ...rest] = positionals;
    if (first === undefined || rest.length > 0) throw new UsageError('A model was expected, and perhaps a version.');
    const name = modelName(first);
    const client = modelClient();
    const came =
      version === undefined ? await client.model(name) : await client.version({ name, version: modelVersion(version) });
    if (values.json) printRaw(came);
    else if (version === undefined) print(modelTable([viewOf(modelView, came)]));
    else {
      const shown = viewOf(versionView, came);
      print(versionFields(shown));
      if (shown.report) print(`\n${reportTable(shown.report.checks)}`);
    }
    return EXIT.done;
  },
};
