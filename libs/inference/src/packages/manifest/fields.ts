/** What several sections of model.json are made of. */
import { z } from 'zod';

/** Adds a complaint: where, what was expected there, what came. */
export type Say = (path: string[], expected: string, came: unknown) => void;

/** A file of the package itself. */
export const BARE_NAME = /^(?!\.+$)[^/\\\0]{1,255}$/;
export const fileName = z.string().regex(BARE_NAME, { message: 'a bare file name, without folders' });

export const side = z.number().int().min(1).max(16_384);
/** Height and width, as in a tensor. */
export const size = z.tuple([side, side]);

/** An output of the model, as its file calls it. */
export const tensorName = z.string().min(1).max(255);
export const classIndex = z.number().int().min(0).max(99_999);
/** A score from 0 to 1. */
export const fraction = z.number().min(0).max(1);
