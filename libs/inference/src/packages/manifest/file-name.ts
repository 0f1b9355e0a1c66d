/** A file's name in model.json: bare, so that nothing outside the package's folder can be meant. */
import { z } from 'zod';

/** A file of the package itself. */
export const BARE_NAME = /^(?!\.+$)[^/\\\0]{1,255}$/;

export const fileName = z.string().regex(BARE_NAME, { message: 'a bare file name, without folders' });
