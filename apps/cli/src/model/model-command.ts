/** What the commands about registered models share: how their words are read, and how they answer. */
import { parseArgs } from 'node:util';
import { EXIT, UsageError } from '../command.js';
import { GatewayClient } from '../gateway-client.js';
import { print, printRaw } from '../terminal.js';
import { ModelClient, type VersionName } from './model-client.js';
import { modelName, modelVersion } from './model-reference.js';

export const JSON_OPTION = { json: { type: 'boolean', default: false } } as const;
export const GATEWAY_HELP =
  'The gateway is SLUICE_URL, the key SLUICE_API_KEY (scope admin). --json prints its answer as it came.';

const OPTIONS = { ...JSON_OPTION, force: { type: 'boolean', default: false } } as const;

/** `<name> <version>`, --json and --force. */
export function versionWords(args: string[]): { of: VersionName; json: boolean; force: boolean } {
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: OPTIONS });
  return { of: versionOf(positionals), json: values.json, force: values.force };
}

/** @throws UsageError */
function versionOf([name, version, ...rest]: string[]): VersionName {
  if (name === undefined || version === undefined || rest.length > 0) {
    throw new UsageError('A model and a version were expected.');
  }
  return { name: modelName(name), version: modelVersion(version) };
}

export function modelClient(signal?: AbortSignal): ModelClient {
  return new ModelClient(GatewayClient.configured(signal));
}

/** Prints what the gateway said, or what people are told. */
export function answer(json: boolean, came: string, text: string | (() => string)): number {
  if (json) printRaw(came);
  else print(typeof text === 'string' ? text : text());
  return EXIT.done;
}
