/** The worker's own small HTTP: liveness, readiness, metrics. No predictions come this way. */
import { Controller, Get, Header } from '@nestjs/common';
import { HealthCheck, HealthCheckService, type HealthCheckResult } from '@nestjs/terminus';
import { WorkerContext } from './context.js';
import { WorkerIndicators } from './health/worker-indicators.js';

@Controller()
export class OpsController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: WorkerIndicators,
    private readonly context: WorkerContext,
  ) {}

  @Get('health/live')
  @HealthCheck()
  live(): Promise<HealthCheckResult> {
    return this.health.check([() => this.indicators.executors()]);
  }

  @Get('health/ready')
  @HealthCheck()
  ready(): Promise<HealthCheckResult> {
    return this.health.check([
      () => this.indicators.redis(),
      () => this.indicators.executors(),
      () => this.indicators.models(),
    ]);
  }

  @Get('metrics')
  @Header('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  metrics(): Promise<string> {
    return this.context.metrics.registry.metrics();
  }
}
