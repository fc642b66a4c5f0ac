/** Fails when a bundle outgrows its budget (gzip -9). */
import { readdirSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const widget = new URL("../../src/gateway/static/widget/", import.meta.url);
const files = readdirSync(new URL("assets/", widget));
const frameScripts = files.filter((file) => file.endsWith(".js")).map((file) => `assets/${file}`);
const frameStyles = files.filter((file) => file.endsWith(".css")).map((file) => `assets/${file}`);

const budgets = [
  ["loader", ["v1.js"], 4 * 1024],
  ["frame scripts, all languages", frameScripts, 45 * 1024],
  ["frame styles", frameStyles, 8 * 1024],
];

let isOver = false;
for (const [name, paths, limit] of budgets) {
  if (paths.length === 0) throw new Error(`nothing was built for: ${name}`);
  const sizes = paths.map((path) => gzipSync(readFileSync(new URL(path, widget)), { level: 9 }).length);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  isOver ||= total > limit;
  console.log(`${total > limit ? "OVER" : "ok  "} ${name}: ${total} of ${limit} bytes gz`);
}
process.exitCode = isOver ? 1 : 0;
