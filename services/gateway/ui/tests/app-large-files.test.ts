import { afterEach, describe, expect, it, vi } from "vitest";
import { Problem } from "../app/api";
import { sendLarge } from "../app/large-files";

const OWNER = { key: "sk", tenantId: "t1" };
const PIECE = 8 * 1024 * 1024;

/** A server that keeps pieces, and breaks the connection at the wanted requests (counted from 1). */
function server(size: number, breaks: Record<number, "lost" | "kept" | number> = {}) {
  const held = { length: 0, asked: [] as string[], metadata: "" };
  let count = 0;
  vi.stubGlobal("fetch", async (path: string, init: RequestInit) => {
    const headers = init.headers as Record<string, string>;
    const said = (status: number, more: Record<string, string> = {}): Response =>
      new Response(status === 415 ? JSON.stringify({ code: "type_mismatch", detail: "no" }) : null, { status, headers: more });
    held.asked.push(`${init.method} ${path}`);
    if (init.method === "POST") {
      held.metadata = headers["upload-metadata"] ?? "";
      return said(201, { location: "/api/tenants/t1/uploads/u1" });
    }
    if (init.method === "HEAD") return said(200, { "upload-offset": String(held.length) });
    count += 1;
    const broken = breaks[count];
    if (typeof broken === "number") return said(broken);
    if (broken === "lost") throw new TypeError("network");
    if (headers["upload-offset"] !== String(held.length)) return said(409);
    held.length += (init.body as Blob).size;
    if (broken === "kept") throw new TypeError("network");
    expect(held.length).toBeLessThanOrEqual(size);
    return said(204, { "upload-offset": String(held.length) });
  });
  return held;
}

const file = (size: number, name = "manual.pdf"): File => new File([new Uint8Array(size)], name);

afterEach(() => vi.unstubAllGlobals());

describe("a large file", () => {
  it("arrives in pieces and says how much has", async () => {
    const size = 2 * PIECE + 5;
    const held = server(size);
    const shares: number[] = [];
    await sendLarge(OWNER, file(size, "priručnik.pdf"), (share) => shares.push(share), 0);
    expect(held.length).toBe(size);
    expect(shares.at(-1)).toBe(1);
    expect(shares).toHaveLength(3);
    expect(held.metadata).toBe(`filename ${btoa("priru\xc4\x8dnik.pdf")}`);
  });

  it.each(["lost", "kept", 503, 409] as const)("goes on where it stopped when a piece was %s", async (how) => {
    const size = 3 * PIECE;
    const held = server(size, { 2: how });
    await sendLarge(OWNER, file(size), () => undefined, 0);
    expect(held.length).toBe(size);
    expect(held.asked.filter((line) => line.startsWith("HEAD"))).toHaveLength(1);
  });

  it("is given up when the server refuses it, and when nobody answers for long", async () => {
    server(PIECE, { 1: 415 });
    await expect(sendLarge(OWNER, file(PIECE), () => undefined, 0)).rejects.toMatchObject({ code: "type_mismatch" });
    server(PIECE, Object.fromEntries(Array.from({ length: 20 }, (_, at) => [at + 1, "lost"])));
    await expect(sendLarge(OWNER, file(PIECE), () => undefined, 0)).rejects.toBeInstanceOf(Problem);
  });
});
