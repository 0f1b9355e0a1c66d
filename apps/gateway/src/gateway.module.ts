/** All the wiring of a gateway. */
import { Module, type DynamicModule } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { BatchResults } from './batches/batch-results.js';
import { BatchResultsController } from './batches/batch-results.controller.js';
import { BatchSubjects, SubjectsByKind } from './batches/batch-subjects.js';
import { BatchesController } from './batches/batches.controller.js';
import { BatchesService } from './batches/batches.service.js';
import { UploadSources } from './batches/rows/upload-source.js';
import { GatewayContext } from './context.js';
import { DeadLetters } from './durable/records/dead-letters.js';
import { DeadLettersController } from './durable/records/dead-letters.controller.js';
import { DurableAnswer } from './durable/durable-answer.js';
import { DurableService } from './durable/durable.service.js';
import { EventsController } from './durable/events/events.controller.js';
import { FilesController } from './durable/files.controller.js';
import { Listing } from './durable/records/listing.js';
import { PredictionSubjects } from './durable/prediction-subjects.js';
import { RecordsController } from './durable/records/records.controller.js';
import { SubmissionsController } from './durable/submission/submissions.controller.js';
import { Watchers } from './durable/events/watchers.js';
import { GatewayIndicators } from './health/gateway-indicators.js';
import { HealthController } from './health/health.controller.js';
import { MetricsController } from './metrics/metrics.controller.js';
import { LastErrors } from './models/catalog/last-errors.js';
import { ModelCatalog } from './models/catalog/model-catalog.js';
import { MODEL_CONTROLLERS, modelParts, type ModelParts } from './models/model-parts.js';
import { Admission } from './predictions/admission.js';
import { FastAnswer } from './predictions/fast-answer.js';
import { PredictionsController } from './predictions/predictions.controller.js';
import { PredictionsService } from './predictions/predictions.service.js';
import { Shadows } from './shadow/shadows.js';
import { StorageBudget } from './upkeep/storage-budget.js';
import { Upkeep } from './upkeep/upkeep.js';
import { DeliveriesController } from './webhooks/deliveries.controller.js';
import { EndpointsController } from './webhooks/endpoints.controller.js';
import { Webhooks } from './webhooks/webhooks.js';

export interface GatewayParts {
  context: GatewayContext;
  catalog: ModelCatalog;
  admission: Admission;
  predictions: PredictionsService;
  shadows: Shadows;
  watchers: Watchers;
  durable: DurableService;
  webhooks: Webhooks;
  upkeep: Upkeep;
  batches: BatchesService;
  models: ModelParts;
}

export function gatewayParts(context: GatewayContext): GatewayParts {
  const catalog = new ModelCatalog(context);
  const admission = new Admission(context);
  const predictions = new PredictionsService(context, catalog);
  const shadows = new Shadows({ context, catalog, predictions });
  const watchers = new Watchers();
  predictions.onNotice(watchers.told);
  const budget = new StorageBudget(context);
  const webhooks = new Webhooks({
    context,
    subjects: new SubjectsByKind(new PredictionSubjects(context), new BatchSubjects(context)),
  });
  const durable = new DurableService(context, budget, webhooks, catalog);
  const batches = new BatchesService(context, budget, webhooks, admission, catalog);
  const upkeep = new Upkeep(context, budget);
  upkeep.chore('webhooks', () => webhooks.reconcile());
  const models = modelParts(context, catalog);
  for (const [name, chore] of models.chores) upkeep.chore(name, () => chore.round());
  return { context, catalog, admission, predictions, shadows, watchers, durable, webhooks, upkeep, batches, models };
}

@Module({})
export class GatewayModule {
  static with(parts: GatewayParts): DynamicModule {
    const { context, catalog, admission, predictions, watchers, durable, webhooks, batches, models } = parts;
    return {
      module: GatewayModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [
        PredictionsController,
        SubmissionsController,
        RecordsController,
        EventsController,
        FilesController,
        DeadLettersController,
        EndpointsController,
        DeliveriesController,
        BatchesController,
        BatchResultsController,
        ...MODEL_CONTROLLERS,
        HealthController,
        MetricsController,
      ],
      providers: [
        GatewayIndicators,
        { provide: GatewayContext, useValue: context },
        { provide: ModelCatalog, useValue: catalog },
        { provide: Admission, useValue: admission },
        { provide: PredictionsService, useValue: predictions },
        { provide: Shadows, useValue: parts.shadows },
        { provide: Watchers, useValue: watchers },
        { provide: DurableService, useValue: durable },
        { provide: Webhooks, useValue: webhooks },
        { provide: BatchesService, useValue: batches },
        { provide: UploadSources, useValue: new UploadSources(context) },
        ...models.providers,
        LastErrors,
        FastAnswer,
        BatchResults,
        DurableAnswer,
        DeadLetters,
        Listing,
      ],
    };
  }
}
