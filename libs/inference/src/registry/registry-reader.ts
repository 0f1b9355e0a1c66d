/**
 * The registry as it is read: whole, by everybody who acts on it, and again only when its revision has changed.
 *
 * Invariant: an entry that this build cannot read is left out, not a reason to fail.
 */
import { z } from 'zod';
import type { Keys } from '../contract/keys.js';
import { packageFiles, registration, type PackageFile, type Registration } from '../contract/registration.js';
import { route, type Route } from '../contract/routing.js';
import { verificationReport, type VerificationReport } from '../contract/verification.js';
import type { Redis } from '../queue/connection.js';
import { nameOf, type VersionName } from './registry.js';

const FIELDS = ['head', 'state', 'reason', 'check', 'desired', 'limits', 'facts', 'description', 'updated', 'promote'];

/** With whether it becomes the default once it is ready. */
const listed = registration.extend({ promote: z.string().optional() });
export type ListedRegistration = z.infer<typeof listed>;

export interface RegistryView {
  revision: number;
  registrations: ListedRegistration[];
  routes: Map<string, Route>;
  /** `<name>:<version>` whose removal is not over: workers may hold them still, and nobody may ask for them. */
  removed: Set<string>;
}

export interface RegistrationDetails {
  registration: Registration;
  files: PackageFile[];
  manifest: unknown;
  report?: VerificationReport;
}

export class RegistryReader {
  private view: RegistryView = { revision: -1, registrations: [], routes: new Map(), removed: new Set() };

  constructor(
    private readonly redis: Redis,
    private readonly keys: Keys,
  ) {}

  /** One round trip when nothing has changed. */
  async read(): Promise<RegistryView> {
    // Before the rest: a change while it is read is seen by the next look.
    const revision = Number((await this.redis.get(this.keys.registryRevision)) ?? 0);
    if (revision === this.view.revision) return this.view;
    const [members, names, removed] = await Promise.all([
      this.redis.smembers(this.keys.registrations),
      this.redis.smembers(this.keys.routes),
      this.redis.zrange(this.keys.removed, '0', '-1'),
    ]);
    const [registrations, routes] = await Promise.all([
      Promise.all(members.map((member) => this.listed(nameOf(member)))),
      Promise.all(names.map(async (name) => [name, await this.route(name)] as const)),
    ]);
    this.view = {
      revision,
      registrations: registrations.filter((each) => each !== undefined),
      routes: new Map(routes.flatMap(([name, found]) => (found ? [[name, found]] : []))),
      removed: new Set(removed),
    };
    return this.view;
  }

  /** One version with its files, its manifest and its report. */
  async details(of: VersionName): Promise<RegistrationDetails | undefined> {
    const found = await this.listed(of);
    if (!found) return undefined;
    const key = this.keys.registration(of.name, of.version);
    const [files, manifest, report] = await this.redis.hmget(key, 'files', 'manifest', 'report');
    const parsed = report ? verificationReport.safeParse(JSON.parse(report)).data : undefined;
    return {
      registration: found,
      files: packageFiles.parse(JSON.parse(files ?? '[]')),
      manifest: JSON.parse(manifest ?? 'null') as unknown,
      ...(parsed ? { report: parsed } : {}),
    };
  }

  private async listed({ name, version }: VersionName): Promise<ListedRegistration | undefined> {
    const values = await this.redis.hmget(this.keys.registration(name, version), ...FIELDS);
    return listed.safeParse(present(FIELDS.map((field, i) => [field, values[i]]))).data;
  }

  private async route(name: string): Promise<Route | undefined> {
    return route.safeParse(await this.redis.hgetall(this.keys.route(name))).data;
  }
}

function present(entries: [string, string | null | undefined][]): Record<string, string> {
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}
