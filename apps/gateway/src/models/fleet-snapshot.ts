/** One look at the fleet, arranged by model version: what is served, by how much, and what is not, and why. */
import { modelKey, type FleetView, type ModelDescription, type ServedVersion } from '#inference';

export interface ServedModel {
  key: string;
  description: ModelDescription;
  /** Run slots of all workers on which the version is ready. */
  slots: number;
  states: string[];
  alpha?: number;
  beta?: number;
}

export interface FleetSnapshot {
  served: Map<string, ServedModel>;
  /** Versions that workers hold but have never served: they load, or were refused for a reason. */
  unserved: ServedVersion[];
}

export function snapshotOf(view: FleetView): FleetSnapshot {
  const held = view.workers.flatMap((worker) =>
    worker.versions.map((version) => ({ ...version, slots: version.state === 'ready' ? worker.slots : 0 })),
  );
  const served = new Map<string, ServedModel>();
  for (const description of view.models) {
    const key = modelKey(description.name, description.version);
    const same = held.filter((version) => modelKey(version.name, version.version) === key);
    const alphas = same.flatMap((version) => version.alpha ?? []);
    const betas = same.flatMap((version) => version.beta ?? []);
    served.set(key, {
      key,
      description,
      slots: same.reduce((sum, version) => sum + version.slots, 0),
      states: same.map((version) => version.state),
      ...(alphas.length > 0 ? { alpha: mean(alphas), beta: mean(betas) } : {}),
    });
  }
  return { served, unserved: held.filter((version) => !served.has(modelKey(version.name, version.version))) };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
