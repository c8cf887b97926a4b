// Builds the gallery and serves it, once per run.

import { existsSync, rmSync } from "node:fs";
import { build, preview } from "vite";
import { REFERENCES, strayPictures } from "./pictures";

export default async function serveGallery(): Promise<() => Promise<void>> {
  if (process.env.SHOTS_UPDATE && existsSync(REFERENCES)) for (const path of strayPictures()) rmSync(path);
  process.env.NODE_ENV = "development";
  const outDir = "node_modules/.cache/gallery";
  // Built, because loading every module a thousand times from the dev server would take an hour.
  await build({ mode: "development", logLevel: "error", build: { outDir, emptyOutDir: true, rolldownOptions: { input: ["gallery/screen.html"] } } });
  const server = await preview({
    logLevel: "error",
    build: { outDir },
    preview: { host: "127.0.0.1", port: 0, strictPort: false, headers: { "cache-control": "max-age=3600" } },
  });
  process.env.GALLERY_URL = `${server.resolvedUrls?.local[0]}gallery/screen.html`;
  return () => server.close();
}
