/** `sluice model inspect`: what an ONNX file is, and a model.json to begin with. */
import { parseArgs } from 'node:util';
import { EXIT, UsageError, type Command } from '../command.js';
import { inspectModel } from '../inspect/inspected-model.js';
import { inspectionJson, inspectionText, jsonOf } from '../inspect/inspection-text.js';
import { propose } from '../inspect/proposal.js';
import { JSON_OPTION } from '../model/model-command.js';
import { print, printJson, tell } from '../terminal.js';

export const modelInspectCommand: Command = {
  usage: '<x.onnx | folder> [--manifest] [--json]',
  help: [
    'Shows inputs, outputs, opset, weights and the batch axis of a model, and proposes a model.json with its guesses named.',
    '--manifest prints the proposed model.json alone, --json everything. The file is read, never run; no server is needed.',
  ].join('\n'),

  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { ...JSON_OPTION, manifest: { type: 'boolean', default: false } },
    });
    const [path, ...rest] = positionals;
    if (path === undefined || rest.length > 0) throw new UsageError('One .onnx file or folder was expected.');
    if (values.json && values.manifest) throw new UsageError('--json and --manifest exclude each other.');
    const model = await inspectModel(path);
    const proposal = propose(model);
    if (values.json) printJson(inspectionJson(model, proposal));
    else if (values.manifest) {
      for (const guess of proposal.guesses) tell(`guessed  ${guess}`);
      print(jsonOf(proposal));
    } else print(inspectionText(model, proposal));
    return EXIT.done;
  },
};
