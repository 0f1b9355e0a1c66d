/**
 * What a model's name means: its default, aliases, split and shadow. Every operation may be repeated, and is one line in
 * the log; when it resolves this gateway acts on it, and all others within half a second.
 */
import {
  ALIAS,
  LATEST,
  modelKey,
  SluiceError,
  type Routed,
  type Shadow,
  type Split,
  type VersionName,
} from '#inference';
import type { GatewayContext } from '../../context.js';
import { redisAnswers } from '../../durable/durable.service.js';
import type { Audit } from '../audit.js';
import type { Caller } from '../caller.js';
import type { ModelCatalog } from '../catalog/model-catalog.js';
import { notFound } from '../catalog/resolution.js';
import { versionState } from '../catalog/version-state.js';

interface Change {
  name: string;
  by: Caller;
  version?: string | undefined;
  to?: unknown;
}

export class RouteOperations {
  constructor(
    private readonly context: GatewayContext,
    private readonly catalog: ModelCatalog,
    private readonly audit: Audit,
  ) {}

  /** @throws STATE_CONFLICT when no worker has it ready or could load it, unless forced */
  setDefault({ name, version }: VersionName, { by, force }: { by: Caller; force: boolean }): Promise<void> {
    return this.change('set-default', { name, version, by }, async () => {
      if (!force) await this.refuseDown({ name, version });
      return this.context.registry.setDefault(name, version, force);
    });
  }

  removeDefault(name: string, by: Caller): Promise<void> {
    return this.change('remove-default', { name, by }, () => this.context.registry.setDefault(name, undefined));
  }

  setAlias({ name, version }: VersionName, alias: string, by: Caller): Promise<void> {
    return this.change('set-alias', { name, version, to: alias, by }, () => {
      this.refuseAlias(name, alias);
      return this.context.registry.setAlias(name, alias, version);
    });
  }

  removeAlias(name: string, alias: string, by: Caller): Promise<void> {
    const remove = () => this.context.registry.setAlias(name, alias, undefined);
    return this.change('remove-alias', { name, to: alias, by }, remove);
  }

  setSplit(name: string, split: Split | undefined, by: Caller): Promise<void> {
    const action = split ? 'set-split' : 'remove-split';
    return this.change(action, { name, to: split, by }, () => this.context.registry.setSplit(name, split));
  }

  setShadow(name: string, shadow: Shadow | undefined, by: Caller): Promise<void> {
    const action = shadow ? 'set-shadow' : 'remove-shadow';
    return this.change(action, { name, to: shadow, by }, () => this.context.registry.setShadow(name, shadow));
  }

  private change(action: string, { name, ...more }: Change, change: () => Promise<Routed>): Promise<void> {
    return this.audit.of({ action, model: name, ...more }, async () => {
      if (!this.catalog.view.models.has(name)) await this.catalog.look();
      if (!this.catalog.view.models.has(name)) throw notFound(this.catalog.view, name);
      const routed = await redisAnswers(Promise.resolve().then(change));
      if (routed.kind === 'full')
        throw new SluiceError('STATE_CONFLICT', `Model "${name}" has as many aliases as it may.`);
      if (routed.kind === 'taken') throw hidden(name, String(more.to));
      if (routed.kind === 'unavailable') throw this.unavailable(name, routed);
      await this.catalog.look();
    });
  }

  private unavailable(name: string, { version, state }: { version: string; state: string }): SluiceError {
    if (state === 'unknown') return notFound(this.catalog.view, name, version);
    const why =
      state === 'unloaded'
        ? 'load it first, or use force=true to make it the default all the same'
        : 'only a version that was verified can be named';
    return new SluiceError('STATE_CONFLICT', `Model "${name}" version "${version}" is ${state}; ${why}.`);
  }

  private async refuseDown({ name, version }: VersionName): Promise<void> {
    await this.catalog.look();
    const known = this.catalog.view.versions.get(modelKey(name, version));
    if (!known || known.servable) return;
    const { state, reason } = versionState(known.registration, known.holders);
    throw new SluiceError(
      'STATE_CONFLICT',
      `Model "${name}" version "${version}" is ${state}, and no worker could answer for it now.${reason === undefined ? '' : ` ${reason}`} force=true makes it the default all the same.`,
    );
  }

  private refuseAlias(name: string, alias: string): void {
    if (!ALIAS.test(alias) || alias === LATEST) {
      throw new SluiceError(
        'INPUT_INVALID',
        `The alias ${JSON.stringify(alias.slice(0, 40))} cannot be used: small letters, digits and "-", a letter first, 32 at most, and not "${LATEST}" were expected.`,
      );
    }
    if (this.catalog.view.versions.has(modelKey(name, alias))) throw hidden(name, alias);
  }
}

function hidden(name: string, alias: string): SluiceError {
  return new SluiceError('STATE_CONFLICT', `Model "${name}" has a version "${alias}", which an alias would hide.`);
}
