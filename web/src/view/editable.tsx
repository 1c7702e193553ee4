import { useEffect, useRef } from 'preact/hooks';

interface Props {
  label: string;
  text: string;
  onDone: (text: string) => void; // empty: nothing is to change
}

// One line of text that is edited in place: Enter takes it, Escape gives up.

export function Editable({ label, text, onDone }: Props) {
  const input = useRef<HTMLInputElement>(null);
  const over = useRef(false);
  useEffect(() => {
    input.current!.focus();
    input.current!.select();
  }, []);
  const done = (value: string) => {
    if (!over.current) onDone(value.trim());
    over.current = true;
  };
  return (
    <input
      ref={input}
      class="editable"
      aria-label={label}
      defaultValue={text}
      onKeyDown={(event) => {
        if (event.key !== 'Enter' && event.key !== 'Escape') return;
        event.preventDefault(); // Escape would close a dialog around it
        done(event.key === 'Enter' ? event.currentTarget.value : '');
      }}
      onBlur={(event) => done(event.currentTarget.value)}
    />
  );
}
