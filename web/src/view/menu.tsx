import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { Icon, type IconName } from './icon';

export interface Entry {
  icon: IconName;
  label: string;
  act: () => void;
}

// A menu behind three dots. Arrow keys move through it, Escape closes it.
export function Menu({ label, entries }: { label: string; entries: Entry[] }) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const opener = useRef<HTMLButtonElement>(null);
  const id = useId();

  const items = () => [...root.current!.querySelectorAll<HTMLButtonElement>('[role=menuitem]')];
  useEffect(() => {
    if (!open) return;
    items()[0]!.focus();
    const away = (event: PointerEvent) => !root.current!.contains(event.target as Node) && setOpen(false);
    document.addEventListener('pointerdown', away);
    return () => document.removeEventListener('pointerdown', away);
  }, [open]);

  const close = () => {
    setOpen(false);
    opener.current!.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const all = items();
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    if (event.key === 'ArrowDown') all[(at + 1) % all.length]!.focus();
    else if (event.key === 'ArrowUp') all[(at - 1 + all.length) % all.length]!.focus();
    else if (event.key === 'Escape') close();
    else if (event.key === 'Tab') return setOpen(false);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div class="menu" ref={root}>
      <button
        ref={opener}
        type="button"
        class="icon-button"
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={open}
        aria-controls={open ? id : undefined}
        onClick={() => setOpen(!open)}
      >
        <Icon name="more" />
      </button>
      {open && (
        <div id={id} class="menu-list" role="menu" aria-label={label} onKeyDown={onKeyDown}>
          {entries.map((entry) => (
            <button
              key={entry.label}
              type="button"
              role="menuitem"
              tabIndex={-1}
              onClick={() => {
                close();
                entry.act();
              }}
            >
              <Icon name={entry.icon} /> {entry.label}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
