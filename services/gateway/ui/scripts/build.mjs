/** Builds loader, frame, demo page and dashboard into the gateway package's static folder. */
import { fileURLToPath } from "node:url";
import { build } from "vite";

const ui = fileURLToPath(new URL("..", import.meta.url));
const statics = fileURLToPath(new URL("../../src/gateway/static/", import.meta.url));

const shared = {
  configFile: false,
  logLevel: "warn",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
};
const target = ["chrome111", "firefox115", "safari16.4"];
const output = { target, modulePreload: false, assetsInlineLimit: 0, reportCompressedSize: false };

await build({
  ...shared,
  root: `${ui}widget`,
  base: "./",
  build: { ...output, outDir: `${statics}widget`, emptyOutDir: true, rolldownOptions: { input: `${ui}widget/frame.html` } },
});
await build({
  ...shared,
  root: `${ui}loader`,
  build: {
    ...output,
    outDir: `${statics}widget`,
    emptyOutDir: false,
    lib: { entry: `${ui}loader/main.ts`, formats: ["iife"], name: "metachatLoader", fileName: () => "v1.js" },
  },
});
await build({
  ...shared,
  root: `${ui}demo`,
  base: "/demo/",
  build: { ...output, outDir: `${statics}demo`, emptyOutDir: true },
});
await build({
  ...shared,
  root: `${ui}app`,
  base: "/app/",
  build: { ...output, outDir: `${statics}app`, emptyOutDir: true },
});
