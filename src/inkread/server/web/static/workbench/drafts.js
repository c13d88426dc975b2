// Unsent changes, kept in the browser (IndexedDB) until the server has them: {key, user, document, page, tab, revision, base, lines}.

let opened = null;

function database() {
  opened ??= new Promise((resolve, reject) => {
    const request = indexedDB.open("inkread", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("drafts", { keyPath: "key" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  return opened;
}

async function request(mode, make) {
  const store = (await database()).transaction("drafts", mode).objectStore("drafts");
  return new Promise((resolve, reject) => {
    const asked = make(store);
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
}

export const keep = (draft) => request("readwrite", (store) => store.put(draft));
export const forget = (key) => request("readwrite", (store) => store.delete(key));
const all = () => request("readonly", (store) => store.getAll());

// This tab's name, which a reload changes: a lock of that name is held while the tab lives.
export const tab = crypto.getRandomValues(new Uint32Array(2)).join("-");
navigator.locks?.request(`inkread ${tab}`, () => new Promise(() => {}));

// Drafts of this page that no living tab works on: left by a reload, a crash, a lost connection.
export async function left(user, document, page) {
  const drafts = (await all()).filter((draft) => draft.user === user && draft.document === document && draft.page === page);
  if (!drafts.length || !navigator.locks) return drafts.filter((draft) => draft.tab !== tab);
  const { held } = await navigator.locks.query();
  const living = new Set(held.map((lock) => lock.name));
  return drafts.filter((draft) => !living.has(`inkread ${draft.tab}`));
}

// The pages on which this user has changes that the server does not have.
export async function unsent(user) {
  return (await all()).filter((draft) => draft.user === user).map(({ document, page }) => ({ document, page }));
}

// Forget all changes of a document.
export async function drop(user, document) {
  for (const draft of await all()) if (draft.user === user && draft.document === document) await forget(draft.key);
}
