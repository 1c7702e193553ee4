// The panels that are open beside the conversation.
import { signal } from '@preact/signals';

export type Panel = 'settings' | 'shortcuts' | null;

export const panel = signal<Panel>(null);
export const liveIsOpen = signal(false);
export const drawerIsOpen = signal(false); // the sidebar, where there is no room beside the text

const narrow = matchMedia('(max-width: 800px)'); // as in style/layout.css
narrow.addEventListener('change', () => (drawerIsOpen.value = false));

export const isNarrow = (): boolean => narrow.matches;
