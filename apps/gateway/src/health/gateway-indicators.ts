/** Terminus' view of this gateway: Redis, the way out, the model that callers expect. */
import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { MAX_SKEW_MS } from '#inference';
import { GatewayContext } from '../context.js';
import { ModelCatalog } from '../models/catalog/model-catalog.js';

@Injectable()
export class GatewayIndicators {
  constructor(
    private readonly health: HealthIndicatorService,
    private readonly context: GatewayContext,
    private readonly catalog: ModelCatalog,
  ) {}

  process(): HealthIndicatorResult {
    return this.health.check('process').up();
  }

  redis(): HealthIndicatorResult {
    const check = this.health.check('redis');
    return this.catalog.fresh ? check.up() : check.down('Redis does not answer');
  }

  clock(): HealthIndicatorResult {
    const check = this.health.check('clock');
    const skewMs = Math.round(this.context.clock.skewMs);
    return Math.abs(skewMs) <= MAX_SKEW_MS ? check.up() : check.down({ skewMs, atMost: MAX_SKEW_MS });
  }

  draining(): HealthIndicatorResult {
    const check = this.health.check('draining');
    return this.context.draining ? check.down('this gateway is shutting down') : check.up();
  }

  /** The default model, or any when none is set: one broken model must not take the service out. */
  model(): HealthIndicatorResult {
    const check = this.health.check('model');
    return this.catalog.ready() ? check.up() : check.down('no worker has the default model ready');
  }
}
