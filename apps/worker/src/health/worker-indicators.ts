/** Terminus' view of this worker's Redis and executors. */
import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { WorkerContext } from '../context.js';
import { ExecutorSupervisor } from '../executor.supervisor.js';

@Injectable()
export class WorkerIndicators {
  constructor(
    private readonly health: HealthIndicatorService,
    private readonly context: WorkerContext,
    private readonly supervisor: ExecutorSupervisor,
  ) {}

  redis(): HealthIndicatorResult {
    const check = this.health.check('redis');
    return this.context.redis.status === 'ready' ? check.up() : check.down('not connected');
  }

  executors(): HealthIndicatorResult {
    const check = this.health.check('executors');
    const usable = this.supervisor.usableSlots;
    const facts = { usable, of: this.supervisor.slots.length };
    return usable > 0 ? check.up(facts) : check.down(facts);
  }

  /** At least one version is ready, or would be when it is asked for: one broken package must not take the worker out. */
  models(): HealthIndicatorResult {
    const check = this.health.check('models');
    const states = Object.fromEntries(this.supervisor.models.list().map((v) => [`${v.name}:${v.version}`, v.state]));
    const all = Object.values(states);
    const serves = all.length === 0 || all.includes('ready') || all.includes('loadable');
    return serves ? check.up(states) : check.down(states);
  }
}
