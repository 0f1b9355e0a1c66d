/**
 * Class names, from the forms in which they come: an array, or an object by class index whose values are names or,
 * as in TorchServe's index_to_name.json, lists that end in one.
 */

/** @throws Error that says which entry is wrong. */
export function parseLabels(file: string, raw: unknown): string[] {
  if (Array.isArray(raw)) return raw.map((value, index) => labelOf(file, String(index), value));
  if (typeof raw !== 'object' || raw === null) {
    throw new Error(`${file}: expected an array of names or an object from class index to name.`);
  }
  const entries = Object.entries(raw);
  const labels: string[] = [];
  for (const [key, value] of entries) {
    const index = Number(key);
    if (!/^(0|[1-9]\d{0,6})$/.test(key) || index >= entries.length) {
      throw new Error(`${file}: came the class index "${key}", expected each of 0 to ${entries.length - 1} once.`);
    }
    labels[index] = labelOf(file, key, value);
  }
  return labels;
}

function labelOf(file: string, key: string, value: unknown): string {
  const label: unknown = Array.isArray(value) ? value.at(-1) : value;
  if (typeof label === 'string') return label;
  throw new Error(`${file}: class ${key}: came ${JSON.stringify(value)}, expected a name or a list that ends in one.`);
}
