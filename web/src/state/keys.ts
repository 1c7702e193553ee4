// The key that the server may want, for this tab or for longer.
import { effect, signal } from '@preact/signals';
import { useKeys } from '../api/client';
import { rememberedKey } from '../storage/preferences';

const kName = 'ferrum.key';

const key = signal<string | null>(rememberedKey.value ?? sessionStorage.getItem(kName));
effect(() => {
  if (rememberedKey.value !== null) key.value = rememberedKey.value;
});

// What the server said when it wanted one; null: nobody is asked.
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
