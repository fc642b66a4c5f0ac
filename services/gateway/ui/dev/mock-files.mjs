/** Files of the mock gateway, in memory. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";

const files = new Map();
const tent = readFileSync(new URL("../demo/art/tent.svg", import.meta.url));
files.set("tent", { type: "image/svg+xml", name: "tent.svg", size: tent.length, bytes: tent });

export function describe(id) {
  return files.get(id) ?? { type: "application/octet-stream", name: "lost", size: 0 };
}

export function forgetFiles() {
  files.clear();
}

export async function takeUpload(request, response) {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const headers = { "content-type": request.headers["content-type"] };
  const file = (await new Response(Buffer.concat(pieces), { headers }).formData()).get("file");
  const id = randomUUID();
  const { type, name, size } = file;
  files.set(id, { type, name, size, bytes: Buffer.from(await file.arrayBuffer()) });
  const kind = { image: "image", video: "video", audio: "voice" }[type.split("/")[0]] ?? "document";
  const made = { media_id: id, kind, mime_type: type, file_name: name, size_bytes: size, url: `/media/${id}` };
  response.writeHead(201, { "content-type": "application/json" }).end(JSON.stringify(made));
}

export function serveUpload(response, id) {
  const file = files.get(id);
  if (!file) return response.writeHead(404).end();
  return response.writeHead(200, { "content-type": file.type, "content-length": file.size }).end(file.bytes);
}
