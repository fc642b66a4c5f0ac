/** Who is signed in: an API key, kept for this tab only, and the tenant that it opens. */
import { signal } from "@preact/signals";
import { call, type Credential, Problem } from "./api";

export interface Tenant {
  tenant_id: string;
  name: string;
  slug: string;
}

interface Me {
  kind: "admin" | "tenant";
  tenant_id: string | null;
}

const STORED = "chat.app.key";
const CHOSEN = "chat.app.tenant";
const AGAIN_MILLISECONDS = 2_000;

export const key = signal("");
export const tenants = signal<Tenant[]>([]);
export const tenant = signal<Tenant | null>(null);
export const isRestoring = signal(true);

/** Sign in again with what this tab remembers; a server that is away for moments is waited for. */
export async function restore(): Promise<void> {
  const remembered = sessionStorage.getItem(STORED);
  try {
    if (remembered) await signIn(remembered);
  } catch (error) {
    if (isPassing(error)) {
      setTimeout(() => void restore(), AGAIN_MILLISECONDS);
      return;
    }
    signOut();
  }
  isRestoring.value = false;
}

function isPassing(error: unknown): boolean {
  return error instanceof Problem && (error.status === 0 || error.status === 429 || error.status >= 500);
}

/** Throws Problem when the key opens nothing. */
export async function signIn(text: string): Promise<void> {
  const wanted = text.trim();
  const me = await call<Me>(wanted, "GET", "/api/me");
  tenants.value =
    me.kind === "admin"
      ? (await call<{ items: Tenant[] }>(wanted, "GET", "/api/tenants?limit=200")).items
      : [await call<Tenant>(wanted, "GET", `/api/tenants/${me.tenant_id}`)];
  const before = sessionStorage.getItem(CHOSEN);
  const chosen = tenants.value.find((one) => one.tenant_id === before) ?? tenants.value[0];
  if (!chosen) throw new Problem(404, "no_tenant", "There is no tenant yet. Make one through the API first.");
  sessionStorage.setItem(STORED, wanted);
  key.value = wanted;
  choose(chosen);
}

export function choose(one: Tenant): void {
  sessionStorage.setItem(CHOSEN, one.tenant_id);
  tenant.value = one;
}

export function signOut(): void {
  sessionStorage.removeItem(STORED);
  key.value = "";
  tenant.value = null;
}

export function credential(): Credential {
  return { key: key.value, tenantId: tenant.value?.tenant_id ?? "" };
}
