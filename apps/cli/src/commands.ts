/**
 * Every command by its name, of one word or two; docs/cli.md has a section for each, and a test compares the two.
 *
 * Invariant: a command is loaded when it is meant. Those that only ask a gateway, or read a file, name what they need of
 * libs/inference by its file: its door loads the queue, which takes longer than all that they do.
 */
import type { Command } from './command.js';

export const COMMANDS: Record<string, () => Promise<Command>> = {
  serve: async () => (await import('./commands/serve.js')).serveCommand,
  key: async () => (await import('./commands/key.js')).keyCommand,
  predict: async () => (await import('./commands/predict.js')).predictCommand,
  'batch run': async () => (await import('./commands/batch-run.js')).batchRunCommand,
  'model inspect': async () => (await import('./commands/model-inspect.js')).modelInspectCommand,
  'model verify': async () => (await import('./commands/model-verify.js')).modelVerifyCommand,
  'model pack': async () => (await import('./commands/model-pack.js')).modelPackCommand,
  'model add': async () => (await import('./commands/model-add.js')).modelAddCommand,
  'model list': async () => (await import('./commands/model-list.js')).modelListCommand,
  'model show': async () => (await import('./commands/model-show.js')).modelShowCommand,
  'model default': async () => (await import('./commands/model-default.js')).modelDefaultCommand,
  'model alias': async () => (await import('./commands/model-alias.js')).modelAliasCommand,
  'model load': async () => (await import('./commands/model-load.js')).modelLoadCommand,
  'model unload': async () => (await import('./commands/model-unload.js')).modelUnloadCommand,
  'model rm': async () => (await import('./commands/model-rm.js')).modelRmCommand,
  'webhook listen': async () => (await import('./commands/webhook-listen.js')).webhookListenCommand,
};
