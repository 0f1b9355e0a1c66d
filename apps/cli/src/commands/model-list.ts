/** `sluice model list`: what is registered and served, and how far it is. */
import { parseArgs } from 'node:util';
import { UsageError, type Command } from '../command.js';
import { answer, GATEWAY_HELP, JSON_OPTION, modelClient } from '../model/model-command.js';
import type { ModelClient } from '../model/model-client.js';
import { modelName } from '../model/model-reference.js';
import { modelTable } from '../model/model-table.js';
import { modelList, modelView, viewOf } from '../model/model-view.js';

export const modelListCommand: Command = {
  usage: '[model] [--json]',
  help: [
    'Lists all versions, or those of one model: their states, and by which names requests reach them.',
    GATEWAY_HELP,
  ].join('\n'),

  async run(args) {
    const { values, positionals } = parseArgs({ args, allowPositionals: true, options: JSON_OPTION });
    const [name, ...rest] = positionals;
    if (rest.length > 0) throw new UsageError('One model at most was expected.');
    const client = modelClient();
    if (name !== undefined) {
      const came = await client.model(modelName(name));
      return answer(values.json, came, () => modelTable([viewOf(modelView, came)]));
    }
    const pages = await pagesOf(client);
    return answer(values.json, joined(pages), () =>
      modelTable(pages.flatMap((page) => viewOf(modelList, page).models)),
    );
  },
};

async function pagesOf(client: ModelClient): Promise<string[]> {
  const pages = [await client.list()];
  let after = nextOf(pages[0]!);
  while (after !== undefined) {
    pages.push(await client.list(after));
    const next = nextOf(pages.at(-1)!);
    // Names ascend; a gateway that goes back would never come to an end.
    after = next !== undefined && next > after ? next : undefined;
  }
  return pages;
}

/** Undefined on the last page, and for what cannot be read. */
function nextOf(page: string): string | undefined {
  try {
    return viewOf(modelList, page).next ?? undefined;
  } catch {
    return undefined;
  }
}

/** The only page as it came, several as one that has all their models. */
function joined(pages: readonly string[]): string {
  const [first = '', ...more] = pages;
  if (more.length === 0) return first;
  const models = pages.flatMap((page) => (JSON.parse(page) as { models: unknown[] }).models);
  return JSON.stringify({ models, next: null });
}
