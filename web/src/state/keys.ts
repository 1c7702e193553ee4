// The API key, kept for this tab or in the browser.
import { effect, signal } from '@preact/signals';
import { useKeys } from '../api/client';
import { rememberedKey } from '../storage/preferences';

const kName = 'ferrum.key';

const key = signal<string | null>(rememberedKey.value ?? sessionStorage.getItem(kName));
effect(() => {
  if (rememberedKey.value !== null) key.value = rememberedKey.value;
});

// The server's message when it required a key; null: no dialog.
export const asksBecause = signal<string | null>(null);

export const hasKey = () => key.value !== null;

let waiting: ((given: boolean) => void)[] = [];

function settle(given: boolean): void {
  asksBecause.value = null;
  const all = waiting;
  waiting = [];
  for (const go of all) go(given);
}

export type Memory = 'tab' | 'browser';

export function give(given: string, memory: Memory): void {
  key.value = given;
  sessionStorage.setItem(kName, given);
  rememberedKey.value = memory === 'browser' ? given : null;
  settle(true);
}

export const decline = (): void => settle(false);

export function forgetKey(): void {
  key.value = null;
  sessionStorage.removeItem(kName);
  rememberedKey.value = null;
}

useKeys({
  current: () => key.value,
  ask(why) {
    asksBecause.value = why;
    return new Promise((resolve) => waiting.push(resolve));
  },
});
