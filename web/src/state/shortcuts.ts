// Keyboard shortcuts, wherever the focus is.
export interface Shortcut {
  keys: string; // as they are shown
  what: string;
  code?: string; // with Alt: KeyboardEvent.code, so that layouts and macOS' letters do not matter
  act?: () => void;
}

// Alt alone: Ctrl and Command belong to the browser.
export function onAlt(shortcuts: readonly Shortcut[], event: KeyboardEvent): boolean {
  if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return false;
  const found = shortcuts.find(({ code, act }) => code === event.code && act);
  found?.act!();
  return found !== undefined;
}
