import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'simulators/**/*.test.ts', 'tests/**/*.test.ts'],
    // One PostgreSQL serves the whole run; each test file gets a database of its own from a template.
    globalSetup: ['tests/harness/global-setup.ts'],
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
  },
});
