/** All the wiring of a gateway. */
import { Module, type DynamicModule } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { GatewayContext } from './context.js';
import { GatewayIndicators } from './health/gateway-indicators.js';
import { HealthController } from './health/health.controller.js';
import { MetricsController } from './metrics/metrics.controller.js';
import { ModelCatalog } from './models/model-catalog.js';
import { ModelsController } from './models/models.controller.js';
import { Admission } from './predictions/admission.js';
import { PredictionsController } from './predictions/predictions.controller.js';
import { PredictionsService } from './predictions/predictions.service.js';

export interface GatewayParts {
  context: GatewayContext;
  catalog: ModelCatalog;
  admission: Admission;
  predictions: PredictionsService;
}

export function gatewayParts(context: GatewayContext): GatewayParts {
  const catalog = new ModelCatalog(context);
  const admission = new Admission(context);
  return { context, catalog, admission, predictions: new PredictionsService(context, catalog) };
}

@Module({})
export class GatewayModule {
  static with({ context, catalog, admission, predictions }: GatewayParts): DynamicModule {
    return {
      module: GatewayModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [PredictionsController, ModelsController, HealthController, MetricsController],
      providers: [
        GatewayIndicators,
        { provide: GatewayContext, useValue: context },
        { provide: ModelCatalog, useValue: catalog },
        { provide: Admission, useValue: admission },
        { provide: PredictionsService, useValue: predictions },
      ],
    };
  }
}
