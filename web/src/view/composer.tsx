import { useEffect, useRef } from 'preact/hooks';
import { isAnswering, send, settings, stopShown } from '../state/answering';
import { editing } from '../state/editing';
import { path } from '../state/library';
import { currentId } from '../state/route';
import { model, models } from '../state/server';
import { Icon } from './icon';
import { fit, sends } from './textarea';

export const kComposer = 'composer';

export const focusComposer = (): void => document.getElementById(kComposer)?.focus();

// Of the context, what the last answer left.
function Context() {
  const context = model.value?.context;
  const figures = path.value.findLast(({ figures }) => figures?.promptTokens !== undefined)?.figures;
  if (!context || !figures) return null;
  const used = figures.promptTokens! + figures.tokens;
  return (
    <span class={used > 0.9 * context ? 'context full' : 'context'}>
      {used} of {context} tokens of context
    </span>
  );
}

export function Composer() {
  const area = useRef<HTMLTextAreaElement>(null);
  const busy = isAnswering();
  const id = currentId.value;
  useEffect(() => {
    if (matchMedia('(pointer: fine)').matches) area.current!.focus();
  }, [id]);

  const submit = () => {
    const text = area.current!.value.trim();
    if (text === '' || busy || !model.value) return;
    area.current!.value = '';
    fit(area.current!);
    void send(text);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const last = path.value.findLast(({ role }) => role === 'user');
    if (sends(event)) {
      event.preventDefault();
      submit();
    } else if (event.key === 'ArrowUp' && area.current!.value === '' && last && !busy) {
      event.preventDefault();
      editing.value = last.id;
    }
  };
  return (
    <form
      class="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <div class="composer-box">
        <textarea
          ref={area}
          id={kComposer}
          rows={1}
          aria-label="Message"
          placeholder={model.value ? `Message ${model.value.id}` : 'Message'}
          onInput={(event) => fit(event.currentTarget)}
          onKeyDown={onKeyDown}
        />
        {busy ? (
          <button type="button" class="round" aria-label="Stop" title="Stop (Esc)" onClick={stopShown}>
            <Icon name="stop" />
          </button>
        ) : (
          <button type="submit" class="round" aria-label="Send" title="Send (Enter)" disabled={models.value.length === 0}>
            <Icon name="send" />
          </button>
        )}
      </div>
      <p class="composer-notes">
        <Context />
        {settings().system && <span>with a system prompt</span>}
        <span>Conversations stay in this browser. Models make mistakes.</span>
      </p>
    </form>
  );
}
