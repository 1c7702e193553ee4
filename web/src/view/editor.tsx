import { useEffect, useRef, useState } from 'preact/hooks';
import { fit, sends } from './textarea';

interface Props {
  text: string;
  label: string;
  action: string;
  onDone: (text: string) => void;
  onCancel: () => void;
}

// A message being edited.
export function Editor({ text, label, action, onDone, onCancel }: Props) {
  const area = useRef<HTMLTextAreaElement>(null);
  const [value, setValue] = useState(text);
  useEffect(() => {
    area.current!.focus();
    fit(area.current!);
  }, []);
  const done = () => value.trim() !== '' && onDone(value.trim());
  return (
    <form
      class="editor"
      onSubmit={(event) => {
        event.preventDefault();
        done();
      }}
    >
      <textarea
        ref={area}
        aria-label={label}
        value={value}
        onInput={(event) => {
          setValue(event.currentTarget.value);
          fit(event.currentTarget);
        }}
        onKeyDown={(event) => {
          if (event.key === 'Escape') {
            event.stopPropagation();
            onCancel();
          } else if (sends(event)) {
            event.preventDefault();
            done();
          }
        }}
      />
      <div class="form-actions">
        <button type="button" class="button" onClick={onCancel}>
          Cancel
        </button>
        <button type="submit" class="button primary" disabled={value.trim() === ''}>
          {action}
        </button>
      </div>
    </form>
  );
}
