/** The page: sign in, then documents and search side by side. */
import { useEffect } from "preact/hooks";
import { AddPage } from "./add-page";
import { DocumentList } from "./document-list";
import { follow, unfollow } from "./documents";
import { DropArea } from "./drop-area";
import { Login } from "./login";
import { SearchPanel } from "./search-panel";
import { choose, isRestoring, key, signOut, tenant, tenants } from "./session";
import { forgetUploads } from "./uploads";

export function App() {
  useEffect(() => {
    if (!key.value) forgetUploads();
  }, [key.value]);
  if (isRestoring.value) return <p class="waiting">Signing in …</p>;
  return tenant.value ? <Knowledge key={tenant.value.tenant_id} /> : <Login />;
}

function Knowledge() {
  useEffect(() => {
    follow();
    return unfollow;
  }, []);
  return (
    <>
      <header class="bar">
        <h1>Knowledge</h1>
        <Tenants />
        <a href="/docs">API reference</a>
        <button type="button" class="quiet" onClick={signOut}>
          Sign out
        </button>
      </header>
      <main class="columns">
        <section class="documents" aria-labelledby="documents-title">
          <h2 id="documents-title">Documents</h2>
          <DropArea />
          <AddPage />
          <DocumentList />
        </section>
        <SearchPanel />
      </main>
    </>
  );
}

function Tenants() {
  if (tenants.value.length < 2) return <span class="tenant">{tenant.value?.name}</span>;
  const onChange = (event: Event): void => {
    const id = (event.target as HTMLSelectElement).value;
    const wanted = tenants.value.find((one) => one.tenant_id === id);
    if (wanted) choose(wanted);
  };
  return (
    <select class="tenant" aria-label="Tenant" value={tenant.value?.tenant_id} onChange={onChange}>
      {tenants.value.map((one) => (
        <option key={one.tenant_id} value={one.tenant_id}>
          {one.name}
        </option>
      ))}
    </select>
  );
}
