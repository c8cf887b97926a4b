// Tests of every screen state in Debian's Chromium: pictures, layout, accessibility. `scripts/screenshots.mjs` starts them.

import { existsSync } from "node:fs";
import { defineConfig } from "@playwright/test";
import type { Edition } from "./src/ipc/bridge";
import type { Options } from "./gallery/tests/test";

const executablePath = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find((path) => path && existsSync(path));

const pictures = (edition: Edition, theme: Options["theme"]) => ({ name: `${edition}-${theme}`, testMatch: "pictures.spec.ts", use: { edition, theme } });
const rules = (edition: Edition) => ({ name: edition, testMatch: ["rules.spec.ts", "movement.spec.ts"], use: { edition, theme: "light" as const } });

export default defineConfig<object, Options>({
  testDir: "gallery/tests",
  globalSetup: "./gallery/tests/build.ts",
  outputDir: "node_modules/.cache/screenshots",
  snapshotPathTemplate: "screenshots/{arg}{ext}",
  fullyParallel: true,
  workers: 2,
  // `--all` draws a state about fifty times.
  timeout: 120_000,
  reporter: "./gallery/tests/reporter.ts",
  expect: {
    timeout: 15_000,
    // What the references' compression may change.
    toHaveScreenshot: { maxDiffPixels: 100, threshold: 0.2 },
  },
  use: {
    browserName: "chromium",
    launchOptions: {
      ...(executablePath && { executablePath }),
      args: ["--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"],
    },
  },
  projects: [
    pictures("mobile", "light"),
    pictures("mobile", "dark"),
    pictures("desktop", "light"),
    pictures("desktop", "dark"),
    rules("mobile"),
    rules("desktop"),
  ],
});
