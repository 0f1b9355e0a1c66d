/** `sluice model load`: has workers hold a version. */
import { UsageError, type Command } from '../command.js';
import { answer, GATEWAY_HELP, modelClient, versionWords } from '../model/model-command.js';

export const modelLoadCommand: Command = {
  usage: '<model> <version> [--json]',
  help: ['Has workers load a version; "sluice model show" says how far they are.', GATEWAY_HELP].join('\n'),

  async run(args) {
    const { of, json, force } = versionWords(args);
    if (force) throw new UsageError('Nothing is to be forced in loading.');
    return answer(json, await modelClient().load(of), `${of.name}:${of.version} is to be loaded.`);
  },
};
