/** All the wiring of a worker. */
import { Module, type DynamicModule } from '@nestjs/common';
import { TerminusModule } from '@nestjs/terminus';
import { WorkerContext } from './context.js';
import { ExecutorSupervisor } from './executor.supervisor.js';
import { WorkerIndicators } from './health/worker-indicators.js';
import { OpsController } from './ops.controller.js';

@Module({})
export class WorkerModule {
  static with(context: WorkerContext, supervisor: ExecutorSupervisor): DynamicModule {
    return {
      module: WorkerModule,
      imports: [TerminusModule.forRoot({ logger: false })],
      controllers: [OpsController],
      providers: [
        WorkerIndicators,
        { provide: WorkerContext, useValue: context },
        { provide: ExecutorSupervisor, useValue: supervisor },
      ],
    };
  }
}
