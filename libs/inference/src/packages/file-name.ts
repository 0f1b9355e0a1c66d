/**
 * What files of a package may be called: a bare name, or one of the folder of samples.
 *
 * Invariant: joined to the package's folder, such a name stays inside it.
 */

/** The one folder that a package may have: golden samples, see docs/export.md. */
export const SAMPLES = 'samples';

export const PACKAGE_FILE = /^(samples\/)?(?!\.+$)[^/\\\0]{1,255}$/;
