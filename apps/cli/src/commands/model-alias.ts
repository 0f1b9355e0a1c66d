/** `sluice model alias`: a name for a version, which can be moved to another. */
import { parseArgs } from 'node:util';
import { ALIAS } from '../../../../libs/inference/src/contract/routing.js';
import { UsageError, type Command } from '../command.js';
import { answer, GATEWAY_HELP, JSON_OPTION, modelClient } from '../model/model-command.js';
import { modelName, modelVersion } from '../model/model-reference.js';

export const modelAliasCommand: Command = {
  usage: '<model> <alias> <version | --remove> [--json]',
  help: [
    'Gives a version a name, as stable or canary, that requests may use in its place; or takes the name away.',
    GATEWAY_HELP,
  ].join('\n'),

  async run(args) {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { ...JSON_OPTION, remove: { type: 'boolean', default: false } },
    });
    const [first, alias, version, ...rest] = positionals;
    if (first === undefined || alias === undefined || rest.length > 0 || (version === undefined) !== values.remove) {
      throw new UsageError('A model, an alias, and a version or --remove were expected.');
    }
    if (!ALIAS.test(alias)) {
      throw new UsageError(
        `"${alias}" is no alias: small letters, digits and "-", at most 32, a letter first, was expected.`,
      );
    }
    const name = modelName(first);
    const client = modelClient();
    if (version === undefined) {
      return answer(values.json, await client.removeAlias(name, alias), `${name}: ${alias} is no alias any more.`);
    }
    const of = { name, version: modelVersion(version) };
    return answer(values.json, await client.setAlias(of, alias), `${name}: ${alias} is version ${version}.`);
  },
};
