/**
 * A stand-in for the gateway, for working on the widget alone: static files with the real
 * headers, sessions, and Socket.IO protocol v1 over conversations in memory.
 *
 *   npm run dev                    then open the printed address
 *   POST /mock/cut                 drop every connection
 *   POST /mock/outage?ms=5000      drop every connection and refuse new ones for a while
 *   POST /mock/say                 {text, role?} to every visitor, unasked
 *   POST /mock/expire              forget every file, so that addresses are asked for anew
 *   GET  /mock/conversations       what the server holds
 */
import { createHash, randomUUID } from "node:crypto";
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { Server } from "socket.io";
import { Conversations } from "./mock-conversations.mjs";
import { forgetFiles, serveUpload, takeUpload } from "./mock-files.mjs";

const statics = fileURLToPath(new URL("../../src/gateway/static/", import.meta.url));
const port = Number(process.argv[2] ?? 8787);
const channel = { title: "Acme Outdoor", color: "#1f5f4a", greeting: "Hi! Ask me about orders, returns and gear.", locale: "en" };
const types = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const frameCsp =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; " +
  "media-src 'self' blob:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'";

let closedUntil = 0;
const sessions = new Map();

async function bodyOf(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return text ? JSON.parse(text) : {};
}

function json(response, value, status = 200) {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

function serveFile(request, response, path) {
  const file = join(statics, normalize(path));
  if (!file.startsWith(statics) || !existsSync(file) || !statSync(file).isFile()) {
    json(response, { code: "not_found", detail: path }, 404);
    return;
  }
  const headers = { "content-type": `${types[extname(file)] ?? "application/octet-stream"}; charset=utf-8` };
  if (path.includes("/assets/")) headers["cache-control"] = "public, max-age=31536000, immutable";
  else {
    headers["cache-control"] = "no-cache";
    headers.etag = `"${createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 16)}"`;
  }
  if (path.endsWith("frame.html")) headers["content-security-policy"] = frameCsp;
  if (headers.etag && request.headers["if-none-match"] === headers.etag) response.writeHead(304, headers).end();
  else createReadStream(file).pipe(response.writeHead(200, headers));
}

function openSession(response, { visitor_token: known, identity }) {
  const visitor = identity?.external_id ?? sessions.get(known)?.visitor ?? randomUUID();
  const visitorToken = known && sessions.has(known) ? known : `visitor.${randomUUID()}`;
  const token = `token.${randomUUID()}`;
  sessions.set(visitorToken, { visitor });
  sessions.set(token, { visitor });
  const limits = { text_bytes_max: 16384, upload_bytes_max: 2_000_000, upload_types: ["image/*", "audio/*", "video/*", "application/pdf", "text/plain"], media_per_message_max: 10 };
  json(response, { token, visitor_token: visitorToken, visitor_id: visitor, expires_in: 900, channel, limits, identified: Boolean(identity) });
}

async function control(request, response, url) {
  if (url.pathname === "/mock/conversations") return json(response, conversations.dump());
  if (url.pathname === "/mock/cut") io.disconnectSockets(true);
  if (url.pathname === "/mock/outage") {
    closedUntil = Date.now() + Number(url.searchParams.get("ms") ?? 5000);
    io.disconnectSockets(true);
  }
  if (url.pathname === "/mock/expire") forgetFiles();
  if (url.pathname === "/mock/say") conversations.sayToAll(await bodyOf(request));
  return json(response, { ok: true });
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, "http://mock");
  if (url.pathname.startsWith("/mock/")) return control(request, response, url);
  if (Date.now() < closedUntil) return request.socket.destroy();
  if (url.pathname === "/widget/sessions") return openSession(response, await bodyOf(request));
  if (url.pathname === "/widget/uploads") return takeUpload(request, response);
  if (url.pathname.startsWith("/media/")) return serveUpload(response, url.pathname.slice(7));
  if (url.pathname === "/demo/config.json") return json(response, { channel_key: "wch_mock" });
  if (url.pathname === "/demo" || url.pathname === "/demo/") return serveFile(request, response, "/demo/index.html");
  if (url.pathname === "/") return response.writeHead(302, { location: "/demo" }).end();
  return serveFile(request, response, url.pathname);
});

const io = new Server(server, { allowRequest: (_, decide) => decide(null, Date.now() >= closedUntil) });
const conversations = new Conversations(io);
io.use((socket, next) => {
  const session = sessions.get(socket.handshake.auth.token);
  socket.data.visitor = session?.visitor;
  next(session ? undefined : new Error("unauthorized"));
});
io.on("connection", (socket) => conversations.join(socket));

server.listen(port, "127.0.0.1", () => console.log(`http://127.0.0.1:${server.address().port}/demo`));
