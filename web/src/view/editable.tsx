import { useEffect, useRef } from 'preact/hooks';

interface Props {
  label: string;
  text: string;
  onDone: (text: string) => void; // empty: as it was
}

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
        if (event.key === 'Enter') done(event.currentTarget.value);
        if (event.key === 'Escape') done('');
      }}
      onBlur={(event) => done(event.currentTarget.value)}
    />
  );
}
