/**
 * Releases whose frozen work must finish under the code of today: in the folder of its name lies what orders, sagas and
 * messages of its code looked like. The commit is the last one with the schema of that release.
 */
export const frozenReleases = [{ release: '0.1.0', commit: 'd7e0b8a' }] as const;

/**
 * The release before this one: its processes run beside those of today while a release is rolled out. Change it when a
 * release is made.
 */
export const previousRelease = { release: '0.1.0', commit: 'd7e0b8a' } as const;
