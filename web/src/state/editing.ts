import { signal } from '@preact/signals';

// The message that is being written anew.
export const editing = signal<string | null>(null);
