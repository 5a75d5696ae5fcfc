import { fileURLToPath } from 'node:url';

/** The folder of the migrations of this version. */
export const migrationsDirectory = fileURLToPath(new URL('../../migrations', import.meta.url));
