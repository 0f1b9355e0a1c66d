/** The wiring of all that manages models. */
import type { Provider } from '@nestjs/common';
import { CheckQueue } from '#inference';
import type { GatewayContext } from '../context.js';
import { Audit } from './audit.js';
import type { ModelCatalog } from './catalog/model-catalog.js';
import { ModelsController } from './models.controller.js';
import { PackagesController } from './packages/packages.controller.js';
import { PackageSources } from './registration/package-source.js';
import { Packages } from './packages/packages.js';
import { UnusedPackages } from './packages/unused-packages.js';
import { RegistrationsController } from './registration/registrations.controller.js';
import { RegistrationsService } from './registration/registrations.service.js';
import { RouteOperations } from './routes/route-operations.js';
import { RoutesController } from './routes/routes.controller.js';
import { LostChecks } from './upkeep/lost-checks.js';
import { Promotions } from './upkeep/promotions.js';
import { Removals } from './upkeep/removals.js';
import { StagingSweep } from './upkeep/staging-sweep.js';
import { StarvedVersions } from './upkeep/starved-versions.js';
import { VersionOperations } from './versions/version-operations.js';
import { VersionsController } from './versions/versions.controller.js';

export interface ModelParts {
  providers: Provider[];
  /** By name: what one gateway at a time does for all. */
  chores: [string, { round(): Promise<void> }][];
  close(): Promise<void>;
}

export const MODEL_CONTROLLERS = [
  ModelsController,
  RegistrationsController,
  VersionsController,
  RoutesController,
  PackagesController,
];

export function modelParts(context: GatewayContext, catalog: ModelCatalog): ModelParts {
  const packages = new Packages(context.config);
  const unused = new UnusedPackages(packages, catalog.registry, context.log);
  const checks = new CheckQueue(context.redis, context.keys);
  const sources = new PackageSources(context.config);
  const audit = new Audit(context.log);
  const values = [
    packages,
    sources,
    new RegistrationsService({ context, catalog, packages, unused, checks, audit }),
    new VersionOperations(context, catalog, unused, audit),
    new RouteOperations(context, catalog, audit),
  ];
  const providers = values.map((useValue) => ({ provide: useValue.constructor, useValue }));
  const chores: ModelParts['chores'] = [
    ['promotions', new Promotions(context, catalog, audit)],
    ['verifications', new LostChecks({ context, catalog, checks })],
    ['wanted versions', new StarvedVersions(context, catalog)],
    ['removals', new Removals(context, unused)],
    ['staging', new StagingSweep(context, catalog, packages)],
  ];
  const close = async (): Promise<void> => {
    await Promise.all([sources.close(), checks.close()]);
  };
  return { providers, chores, close };
}
