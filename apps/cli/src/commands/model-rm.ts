/** `sluice model rm`: forgets a version. */
import type { Command } from '../command.js';
import { answer, GATEWAY_HELP, modelClient, versionWords } from '../model/model-command.js';

export const modelRmCommand: Command = {
  usage: '<model> <version> [--force] [--json]',
  help: [
    'Removes a version and, where no other has the same, its package.',
    'Refused while a default, alias, split or shadow names it, or predictions of it have not ended; --force takes those',
    'names away as well, and those predictions fail.',
    GATEWAY_HELP,
  ].join('\n'),

  async run(args) {
    const { of, json, force } = versionWords(args);
    return answer(json, await modelClient().remove(of, force), `${of.name}:${of.version} is removed.`);
  },
};
