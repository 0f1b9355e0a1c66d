/** Prometheus' scrape of this gateway. Gauges are set when asked for; nothing is counted on a timer. */
import { Controller, Get, Header } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { GatewayContext } from '../context.js';
import { Admission } from '../predictions/admission.js';
import { PredictionsService } from '../predictions/predictions.service.js';

@ApiTags('operations')
@Controller('metrics')
export class MetricsController {
  constructor(
    private readonly context: GatewayContext,
    private readonly admission: Admission,
    private readonly predictions: PredictionsService,
  ) {}

  @Get()
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  async metrics(): Promise<string> {
    const { metrics } = this.context;
    metrics.inFlight.set(this.admission.inFlight);
    metrics.inFlightBytes.set(this.admission.inFlightBytes);
    await this.predictions.measureBacklogs();
    return metrics.registry.metrics();
  }
}
