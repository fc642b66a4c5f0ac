/** Fails when a bundle outgrows its budget (gzip -9). */
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const widget = new URL("../../src/gateway/static/widget/", import.meta.url);
const files = readdirSync(new URL("assets/", widget));
const scripts = files.filter((file) => file.endsWith(".js")).map((file) => `assets/${file}`);
const frameStyles = files.filter((file) => file.endsWith(".css")).map((file) => `assets/${file}`);

// A visitor loads the frame and the words of one language; English stands in the frame itself.
const frame = scripts.filter((path) => path.includes("/frame-"));
const languages = scripts.filter((path) => !frame.includes(path)).sort((a, b) => sizeOf(b) - sizeOf(a));
const app = new URL("../../src/gateway/static/app/", import.meta.url);
const pages = readdirSync(new URL("assets/", app)).map((file) => `../app/assets/${file}`);
const budgets = [
  ["loader", ["v1.js"], 4 * 1024],
  ["frame scripts with the largest language", [...frame, ...languages.slice(0, 1)], 45 * 1024],
  ["frame styles", frameStyles, 8 * 1024],
  ["dashboard scripts and styles", pages, 140 * 1024],
];

function sizeOf(path) {
  return gzipSync(readFileSync(new URL(path, widget)), { level: 9 }).length;
}

let isOver = false;
for (const [name, paths, limit] of budgets) {
  if (paths.length === 0) throw new Error(`nothing was built for: ${name}`);
  const total = paths.reduce((sum, path) => sum + sizeOf(path), 0);
  isOver ||= total > limit;
  console.log(`${total > limit ? "OVER" : "ok  "} ${name}: ${total} of ${limit} bytes gz`);
}
process.exitCode = isOver ? 1 : 0;
