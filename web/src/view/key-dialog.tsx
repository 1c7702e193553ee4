import { useId, useRef } from 'preact/hooks';
import { asksBecause, decline, give } from '../state/keys';
import { Dialog } from './dialog';

export function KeyDialog() {
  const key = useRef<HTMLInputElement>(null);
  const remember = useRef<HTMLInputElement>(null);
  const id = useId();
  const why = asksBecause.value;
  if (why === null) return null;
  return (
    <Dialog title="API key" onClose={decline}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          const given = key.current!.value.trim();
          if (given !== '') give(given, remember.current!.checked ? 'browser' : 'tab');
        }}
      >
        <p id={`${id}-why`} role="alert">
          The server says: {why}.
        </p>
        <div class="field wide">
          <label for={id}>Key</label>
          <input ref={key} id={id} type="password" autocomplete="off" required aria-describedby={`${id}-why`} autofocus />
        </div>
        <label class="check">
          <input ref={remember} type="checkbox" />
          Remember it in this browser, not only in this tab
        </label>
        <div class="form-actions">
          <button type="button" class="button" onClick={decline}>
            Cancel
          </button>
          <button type="submit" class="button primary">
            Use this key
          </button>
        </div>
      </form>
    </Dialog>
  );
}
