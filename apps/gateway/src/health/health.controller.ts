/** Liveness and readiness of this gateway. */
import { Controller, Get } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { HealthCheck, HealthCheckService, type HealthCheckResult } from '@nestjs/terminus';
import { GatewayIndicators } from './gateway-indicators.js';

@ApiTags('operations')
@Controller('health')
export class HealthController {
  constructor(
    private readonly health: HealthCheckService,
    private readonly indicators: GatewayIndicators,
  ) {}

  /** Live while the event loop turns: a restart mends neither Redis nor workers. */
  @Get('live')
  @HealthCheck()
  live(): Promise<HealthCheckResult> {
    return this.health.check([() => this.indicators.process()]);
  }

  @Get('ready')
  @HealthCheck()
  ready(): Promise<HealthCheckResult> {
    const { indicators } = this;
    return this.health.check([
      () => indicators.draining(),
      () => indicators.redis(),
      () => indicators.clock(),
      () => indicators.model(),
    ]);
  }
}
