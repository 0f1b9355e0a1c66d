/** `sluice model default`: which version answers requests that name none. */
import type { Command } from '../command.js';
import { answer, GATEWAY_HELP, modelClient, versionWords } from '../model/model-command.js';

export const modelDefaultCommand: Command = {
  usage: '<model> <version> [--force] [--json]',
  help: [
    'Makes a version the one that answers requests without a version: from now on, and back the same way.',
    'Refused while no worker could answer for it, unless --force.',
    GATEWAY_HELP,
  ].join('\n'),

  async run(args) {
    const { of, json, force } = versionWords(args);
    const came = await modelClient().setDefault(of, force);
    return answer(json, came, `${of.name}: version ${of.version} is the default.`);
  },
};
