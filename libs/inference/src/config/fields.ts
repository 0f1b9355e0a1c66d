/** What several settings are made of. */
import ipaddr from 'ipaddr.js';
import { z } from 'zod';

export const integer = (min: number, max: number) => z.coerce.number().int().min(min).max(max);

/** Off unless it says so. */
export const flag = z
  .enum(['true', 'false'])
  .default('false')
  .transform((text) => text === 'true');

/** Where something answers over HTTP. */
export const httpUrl = z
  .string()
  .regex(/^https?:\/\/[^\s/]+(\/[^\s]*[^\s/])?$/, 'expected http(s)://host, without a slash at the end');

/** CIDRs by comma. */
export const cidrs = z
  .string()
  .refine((text) => listOf(text).every((each) => ipaddr.isValidCIDR(each)), 'CIDRs as 10.1.0.0/16 were expected');

/** URLs by comma, each of a folder. */
export const sources = z
  .string()
  .refine((text) => listOf(text).every(isFolder), 'URLs as https://models.example.com/onnx/ were expected');

export function listOf(text: string): string[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

/** A URL as it is compared, that ends in a slash: no longer host or folder begins with it. */
function isFolder(text: string): boolean {
  const url = URL.parse(text);
  return url?.href === text && /^https?:$/.test(url.protocol) && text.endsWith('/') && url.search + url.hash === '';
}
