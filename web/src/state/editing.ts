import { signal } from '@preact/signals';

// The message being edited.
export const editing = signal<string | null>(null);
