/**
 * Which of a model's versions a request means. Pure: what can be served, and a number for chance, come from outside.
 *
 * In this order: the version that is named, an alias, `latest`; without a name the split, then the default, then the
 * newest that is ready. A default is meant whether or not it can be served: nobody gets another version unasked.
 */
import { LATEST, type Route, type Split } from '#inference';

export interface Choice {
  version: string;
  /** Other spellings of this very version. */
  also?: readonly string[];
  /** On a worker now. */
  ready: boolean;
  /** Now, or as soon as a worker has loaded it. */
  servable: boolean;
}

export interface Question {
  /** As the request names it. */
  version: string | undefined;
  route: Route | undefined;
  /** 0 ≤ chance < 1. */
  chance: number;
}

/** `versions` are the newest first. Undefined when there is none that is meant. */
export function versionMeant<C extends Choice>(
  versions: readonly C[],
  { version, route, chance }: Question,
): C | undefined {
  const named = (name: string | undefined): C | undefined => versions.find((each) => each.version === name);
  if (version !== undefined) {
    const same = named(version) ?? versions.find(({ also }) => also?.includes(version));
    if (same) return same;
    const alias = route?.aliases[version];
    if (alias !== undefined) return named(alias);
    return version === LATEST ? newest(versions) : undefined;
  }
  const share = route?.split && drawn(route.split, { versions, chance });
  return share ?? named(route?.default) ?? newest(versions);
}

/** Those that cannot be served leave their share to the others. */
function drawn<C extends Choice>(
  split: Split,
  { versions, chance }: { versions: readonly C[]; chance: number },
): C | undefined {
  const shares = split.flatMap(({ version, weight }) => {
    const choice = versions.find((each) => each.version === version);
    return choice?.servable && weight > 0 ? [{ choice, weight }] : [];
  });
  let left = chance * shares.reduce((sum, { weight }) => sum + weight, 0);
  for (const { choice, weight } of shares) {
    if (left < weight) return choice;
    left -= weight;
  }
  return shares.at(-1)?.choice;
}

function newest<C extends Choice>(versions: readonly C[]): C | undefined {
  return versions.find(({ ready }) => ready) ?? versions.find(({ servable }) => servable) ?? versions[0];
}
