import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { attachmentOf, kLongPaste, withAttachments, type Attachment } from '../conversation/attachment';
import { isAnswering, send, settings, stopShown } from '../state/answering';
import { editing } from '../state/editing';
import { path } from '../state/library';
import { notice } from '../state/notices';
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

const attachments = signal<readonly Attachment[]>([]);

async function attach(files: Iterable<File>): Promise<void> {
  for (const file of files) {
    try {
      attachments.value = [...attachments.value, await attachmentOf(file)];
    } catch (error) {
      notice(`${file.name}: ${(error as Error).message}.`);
    }
  }
}

function onPaste(event: ClipboardEvent): void {
  const files = [...(event.clipboardData?.files ?? [])];
  const text = event.clipboardData?.getData('text/plain') ?? '';
  if (text.length > kLongPaste) attachments.value = [...attachments.value, { name: 'Pasted text', text }];
  else if (text === '' && files.length > 0) void attach(files);
  else return;
  event.preventDefault();
}

const Attachments = () => (
  <ul class="attachments" aria-label="Attachments">
    {attachments.value.map((one) => (
      <li key={one}>
        {one.name} <small>{one.text.length} characters</small>
        <button
          type="button"
          aria-label={`Remove ${one.name}`}
          onClick={() => (attachments.value = attachments.value.filter((other) => other !== one))}
        >
          <Icon name="close" />
        </button>
      </li>
    ))}
  </ul>
);

function AttachButton() {
  const file = useRef<HTMLInputElement>(null);
  return (
    <>
      <button type="button" class="attach" aria-label="Attach files" title="Attach text files" onClick={() => file.current!.click()}>
        <Icon name="attach" />
      </button>
      <input
        ref={file}
        type="file"
        multiple
        hidden
        aria-label="Files to attach"
        onChange={(event) => {
          const input = event.currentTarget;
          void attach([...(input.files ?? [])]).then(() => (input.value = ''));
        }}
      />
    </>
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
    const text = withAttachments(area.current!.value.trim(), attachments.value);
    if (text === '' || busy || !model.value) return;
    area.current!.value = '';
    attachments.value = [];
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
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => {
        const files = [...(event.dataTransfer?.files ?? [])];
        if (files.length === 0) return;
        event.preventDefault();
        void attach(files);
      }}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {attachments.value.length > 0 && <Attachments />}
      <div class="composer-box">
        <AttachButton />
        <textarea
          ref={area}
          id={kComposer}
          rows={1}
          aria-label="Message"
          placeholder={model.value ? `Message ${model.value.id}` : 'Message'}
          onPaste={onPaste}
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
