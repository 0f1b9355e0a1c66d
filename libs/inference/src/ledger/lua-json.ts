/**
 * JSON for scripts: Lua's reader refuses half a surrogate pair, which a name cut inside an emoji ends with, and the whole
 * step with it. A half becomes U+FFFD, as it does in UTF-8.
 */
export function luaJson(value: object): string {
  const text = JSON.stringify(value);
  // Whole pairs are written as they are.
  if (!text.includes('\\ud')) return text;
  return JSON.stringify(value, (_, each: unknown) => (typeof each === 'string' ? each.toWellFormed() : each));
}
