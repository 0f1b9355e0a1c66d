/** `sluice predict`: one input to a model, and what the service answers. */
import { parseArgs } from 'node:util';
import { EXIT, UsageError, type Command } from '../command.js';
import { GatewayClient } from '../gateway-client.js';
import { layOut } from '../json-layout.js';
import { modelReference } from '../model/model-reference.js';
import { bodyOfFile, jsonRequest, type PredictionBody } from '../predict/prediction-body.js';
import { print, printRaw } from '../terminal.js';

export const predictCommand: Command = {
  usage: '<model>[:version] <file | - | --input json> [--json]',
  help: [
    'Sends a picture, JSON or a text to a model and prints the answer.',
    'A file is a picture, JSON or text by its content; "-" is standard input; --input \'[1, 2]\' is JSON on the command line.',
    'JSON is a request as POST /predict takes it ({"input": …}, {"inputs": […]}, {"tensors": {…}}), or one row bare.',
    'On a terminal the answer is laid out; elsewhere, and with --json, it is the body as it came.',
  ].join('\n'),

  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { input: { type: 'string' }, json: { type: 'boolean', default: false } },
    });
    const [model, file, ...rest] = positionals;
    if (model === undefined || rest.length > 0 || (file === undefined) === (values.input === undefined)) {
      throw new UsageError('A model and a file, "-" or --input were expected.');
    }
    const { name, version } = modelReference(model);
    const { type, bytes } = file === undefined ? inputOf(values.input!) : await bodyOfFile(file);
    const answer = await GatewayClient.configured().text(`/predict/${name}${version ? `/${version}` : ''}`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: bytes,
    });
    if (values.json || !process.stdout.isTTY) printRaw(answer);
    else print(layOut(answer));
    return EXIT.done;
  },
};

function inputOf(text: string): PredictionBody {
  const body = jsonRequest(text);
  if (!body) throw new UsageError(`--input is no JSON: ${text.slice(0, 80)}`);
  return body;
}
