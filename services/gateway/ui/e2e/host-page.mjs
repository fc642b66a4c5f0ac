/** A page of another site that embeds the widget under the strictest policy we promise to work with. */
import { createServer } from "node:http";

export async function serveHostPage({ port, chatUrl, channel, attributes = "" }) {
  const chat = new URL(chatUrl).origin;
  const embed = `<script async src="${chat}/widget/v1.js" data-channel="${channel}" data-title="Strict site" ${attributes}></script>`;
  const html = `<!doctype html><html lang="en"><title>Strict site</title><body><h1>Strict site</h1>${embed}</body></html>`;
  const server = createServer((_, response) => {
    response.writeHead(200, {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": `default-src 'none'; script-src ${chat}; frame-src ${chat}; require-trusted-types-for 'script'`,
    });
    response.end(html);
  });
  await new Promise((done, fail) => server.once("error", fail).listen(port, "127.0.0.1", done));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}
