// Short messages that disappear by themselves, and announcements for screen readers.
import { signal } from '@preact/signals';

const kSeconds = 8;

export interface Notice {
  id: number;
  text: string;
}

export const notices = signal<readonly Notice[]>([]);
let count = 0;

export const dismiss = (id: number): void => {
  notices.value = notices.value.filter((notice) => notice.id !== id);
};

export function notice(text: string): void {
  const id = ++count;
  notices.value = [...notices.value, { id, text }];
  setTimeout(() => dismiss(id), kSeconds * 1000);
}

// For screen readers: each is announced once, in order.
const kKept = 20;
export const said = signal<readonly Notice[]>([]);

export function say(text: string): void {
  said.value = [...said.value, { id: ++count, text }].slice(-kKept);
}
