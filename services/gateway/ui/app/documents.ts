/** The tenant's documents, looked at again while something moves. */
import { signal } from "@preact/signals";
import { call, Problem } from "./api";
import { credential, signOut } from "./session";
import type { KnownDocument } from "./shapes";

const PAGE = 100;
const BUSY_MILLISECONDS = 1_000;
const IDLE_MILLISECONDS = 10_000;
const TROUBLE_MILLISECONDS = 5_000;

export const documents = signal<KnownDocument[]>([]);
export const isLoaded = signal(false);
export const trouble = signal("");
export const refusal = signal("");
export const nextCursor = signal<string | null>(null);

let timer = 0;
let round = 0;

export const path = (rest = ""): string => `/api/tenants/${credential().tenantId}/documents${rest}`;

export const isMoving = (one: KnownDocument): boolean =>
  Boolean(one.building_version) || (one.stage !== "ready" && one.stage !== "failed");

/** Begin anew for the tenant that is chosen now. */
export function follow(): void {
  documents.value = [];
  isLoaded.value = false;
  nextCursor.value = null;
  trouble.value = "";
  refusal.value = "";
  void look();
}

export function unfollow(): void {
  round += 1;
  clearTimeout(timer);
}

/** Look now, and then as often as there is something to see. */
export async function look(): Promise<void> {
  unfollow();
  if (!credential().key) return;
  const mine = round;
  try {
    const found = await call<{ items: KnownDocument[]; next_cursor: string | null }>(
      credential().key,
      "GET",
      path(`?limit=${PAGE}`),
    );
    if (mine !== round) return;
    documents.value = found.items;
    nextCursor.value = found.next_cursor;
    isLoaded.value = true;
    trouble.value = "";
  } catch (error) {
    if (mine !== round) return;
    if (error instanceof Problem && error.status === 401) return signOut();
    trouble.value = (error as Error).message;
  }
  const calm = documents.value.some(isMoving) ? BUSY_MILLISECONDS : IDLE_MILLISECONDS;
  const wait = trouble.value ? TROUBLE_MILLISECONDS : calm;
  timer = window.setTimeout(() => void look(), wait);
}

/** Do something to a document, say what went wrong, and look again. */
export async function act(method: string, rest: string, body?: object | FormData): Promise<boolean> {
  refusal.value = "";
  try {
    await call(credential().key, method, path(rest), body);
    return true;
  } catch (error) {
    refusal.value = (error as Error).message;
    return false;
  } finally {
    await look();
  }
}
