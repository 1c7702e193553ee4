import { defineConfig } from '@playwright/test';
import { launchOptions } from './browser.mjs';

export default defineConfig({
  testDir: '.',
  testMatch: '*.spec.mjs',
  outputDir: process.env.FERRUM_TEST_OUTPUT ?? '../../build/web-tests',
  reporter: 'list',
  forbidOnly: true,
  fullyParallel: false,
  workers: 2,
  timeout: 240_000,  // a machine that does other things beside must not fail a test
  expect: { timeout: 60_000 },
  use: {
    browserName: 'chromium',
    viewport: { width: 1280, height: 800 },
    colorScheme: 'light',
    locale: 'en-GB',
    launchOptions,
  },
});
