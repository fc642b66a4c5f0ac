/** The Knowledge page among several tenants, and when the server is away. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { act, documents, follow, look, refusal, trouble, unfollow } from "../app/documents";
import { choose, isRestoring, key, restore, signOut, tenant, type Tenant } from "../app/session";
import { add, forgetUploads, uploads } from "../app/uploads";

const LUMEN: Tenant = { tenant_id: "lumen", name: "Lumen", slug: "lumen" };
const BORA: Tenant = { tenant_id: "bora", name: "Bora", slug: "bora" };
const DONE = { status: 202, responseText: "{}" };

class Request {
  static sent: Request[] = [];
  to = "";
  key = "";
  status = 0;
  responseText = "";
  upload = {};
  onload = (): void => undefined;
  open(_method: string, to: string): void {
    this.to = to;
  }
  setRequestHeader(_name: string, value: string): void {
    this.key = value;
  }
  send(): void {
    Request.sent.push(this);
  }
  end(): void {
    Object.assign(this, DONE);
    this.onload();
  }
}

const page = { items: [], next_cursor: null };
const ok = (found: unknown): Response => new Response(JSON.stringify(found), { status: 200 });
const refused = (status: number, detail: string): Response => new Response(JSON.stringify({ detail }), { status });
const files = (count: number): File[] => Array.from({ length: count }, (_, n) => new File(["x"], `${n}.txt`));
const turns = async (): Promise<void> => void (await new Promise((resolve) => setTimeout(resolve, 0)));

let answer = (_path: string, _method: string): Response | Promise<Response> => ok(page);
const fetched = vi.fn((to: string, init: RequestInit) => Promise.resolve(answer(to, init.method ?? "GET")));

beforeEach(() => {
  Request.sent = [];
  answer = () => ok(page);
  fetched.mockClear();
  vi.stubGlobal("XMLHttpRequest", Request);
  vi.stubGlobal("fetch", fetched);
  key.value = "admin";
  choose(LUMEN);
});

afterEach(() => {
  unfollow();
  forgetUploads();
  signOut();
  sessionStorage.clear();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("files on their way", () => {
  it("go to the tenant for whom they were dropped", async () => {
    add(files(5));
    choose(BORA);
    for (let n = 0; n < 5; n += 1) {
      Request.sent[n]?.end();
      await turns();
    }
    expect(Request.sent.map((one) => one.to)).toEqual(Array(5).fill("/api/tenants/lumen/documents"));
  });

  it("that wait are forgotten with who signs out", async () => {
    add(files(5));
    forgetUploads();
    signOut();
    for (const one of [...Request.sent]) one.end();
    await turns();
    expect(Request.sent).toHaveLength(3);
    expect(uploads.value).toEqual([]);
  });
});

describe("looking", () => {
  it("ends with signing out, whatever was under way", async () => {
    const doing = act("DELETE", "/1");
    signOut();
    await doing;
    expect(fetched).toHaveBeenCalledTimes(1);
  });

  it("keeps the reason of a refusal until something else is done", async () => {
    answer = (_to, method) => (method === "GET" ? ok(page) : refused(409, "Wait for it."));
    await act("POST", "/1/reindex");
    await look();
    expect(refusal.value).toBe("Wait for it.");
    answer = () => ok(page);
    await act("POST", "/1/reindex");
    expect(refusal.value).toBe("");
  });

  it("forgets its trouble once the server is back", async () => {
    answer = () => Promise.reject(new TypeError("away"));
    await look();
    expect(trouble.value).not.toBe("");
    answer = () => ok(page);
    await act("POST", "/1/reindex");
    expect(trouble.value).toBe("");
  });

  it("waits a while after trouble instead of asking every second", async () => {
    vi.useFakeTimers();
    answer = () => refused(429, "Too many.");
    await look();
    await vi.advanceTimersByTimeAsync(4_000);
    expect(fetched).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(2_000);
    expect(fetched).toHaveBeenCalledTimes(2);
  });

  it("shows nothing of the tenant before", async () => {
    documents.value = [{ document_id: "1" } as (typeof documents.value)[number]];
    trouble.value = "Lumen's";
    follow();
    expect([documents.value, trouble.value]).toEqual([[], ""]);
    await turns();
  });
});

describe("a page that is loaded again", () => {
  it("waits for a server that is away, and is still signed in", async () => {
    vi.useFakeTimers();
    sessionStorage.setItem("chat.app.key", "admin");
    signOut();
    sessionStorage.setItem("chat.app.key", "admin");
    isRestoring.value = true;
    answer = () => Promise.reject(new TypeError("away"));
    await restore();
    expect(sessionStorage.getItem("chat.app.key")).toBe("admin");
    answer = (to) => ok(to.startsWith("/api/me") ? { kind: "admin", tenant_id: null } : { items: [BORA] });
    await vi.advanceTimersByTimeAsync(2_500);
    expect([isRestoring.value, tenant.value?.name]).toEqual([false, "Bora"]);
  });

  it("forgets a key that opens nothing any more", async () => {
    sessionStorage.setItem("chat.app.key", "old");
    answer = () => refused(401, "No.");
    await restore();
    expect(sessionStorage.getItem("chat.app.key")).toBeNull();
  });
});
