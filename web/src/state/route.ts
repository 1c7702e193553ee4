// The address contains the shown conversation, so that reloading, bookmarks and Back work.
import { signal } from '@preact/signals';

const kPrefix = '#/c/';

const shown = () => (location.hash.startsWith(kPrefix) ? location.hash.slice(kPrefix.length) : null);

export const currentId = signal<string | null>(shown());

addEventListener('hashchange', () => {
  currentId.value = shown();
});

export type Way = 'push' | 'replace';

export function show(id: string | null, way: Way = 'push'): void {
  if (id === currentId.value) return;
  const address = id === null ? location.pathname : kPrefix + id;
  if (way === 'push') history.pushState(null, '', address);
  else history.replaceState(null, '', address);
  currentId.value = id;
}

addEventListener('popstate', () => {
  currentId.value = shown();
});
