// Small things that the browser keeps beside the conversations. All tabs share them.
import { effect, signal, type Signal } from '@preact/signals';
import type { Preset, Settings } from '../conversation/types';

function read<T>(name: string, fallback: T): T {
  try {
    const text = localStorage.getItem(name);
    return text === null ? fallback : (JSON.parse(text) as T);
  } catch {
    return fallback;
  }
}

function write(name: string, value: unknown): void {
  try {
    if (value === null) localStorage.removeItem(name);
    else localStorage.setItem(name, JSON.stringify(value));
  } catch {
    // The browser keeps nothing: the value lasts as long as this page.
  }
}

function preference<T>(name: string, fallback: T): Signal<T> {
  const key = `ferrum.${name}`;
  const value = signal(read(key, fallback));
  let first = true;
  effect(() => {
    const now = value.value;
    if (!first) write(key, now);
    first = false;
  });
  addEventListener('storage', (event) => {
    if (event.key === key) value.value = read(key, fallback);
  });
  return value;
}

export type Theme = 'system' | 'light' | 'dark';

export const theme = preference<Theme>('theme', 'system');
export const defaults = preference<Settings>('defaults', {});
export const presets = preference<readonly Preset[]>('presets', []); // by name
export const makesTitles = preference('titles', true);

export interface ToolServer {
  url: string;
  token?: string; // sent as a bearer's
}
export const usesTools = preference('tools', false);
export const toolServers = preference<readonly ToolServer[]>('tool-servers', []);
export const preferredModel = preference<string | null>('model', null);
export const showsChances = preference('chances', false);
export const sidebarIsOpen = preference('sidebar', true);
export const rememberedKey = preference<string | null>('key', null);
