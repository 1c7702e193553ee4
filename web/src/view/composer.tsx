import { signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { attachmentOf, kLongPaste, withAttachments, type Attachment } from '../conversation/attachment';
import { isAnswering, send, settings, stopShown } from '../state/answering';
import { countDraft, draftTokens } from '../state/draft-tokens';
import { editing } from '../state/editing';
import { isLoading, path } from '../state/library';
import { notice } from '../state/notices';
import { currentId } from '../state/route';
import { model, models } from '../state/server';
import { FilePicker } from './file-picker';
import { Icon } from './icon';
import { fit, sends } from './textarea';

export const kComposer = 'composer';

export const focusComposer = (): void => document.getElementById(kComposer)?.focus();

const kNearlyFull = 0.9; // of the context

// The tokens of the draft, and what the conversation has used of the context.
function Context() {
  const context = model.value?.context;
  const figures = path.value.findLast(({ figures }) => figures?.promptTokens !== undefined)?.figures;
  const used = figures ? figures.promptTokens! + figures.tokens : 0;
  const written = draftTokens.value;
  if (!context || (written === null && used === 0)) return null;
  return (
    <span class={used + (written ?? 0) > kNearlyFull * context ? 'context full' : 'context'}>
      {written !== null && `${written} token${written === 1 ? '' : 's'} written · `}
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

const AttachButton = () => (
  <FilePicker label="Files to attach" onFiles={attach}>
    {(open) => (
      <button type="button" class="attach" aria-label="Attach files" title="Attach text files" onClick={open}>
        <Icon name="attach" />
      </button>
    )}
  </FilePicker>
);

export function Composer() {
  const area = useRef<HTMLTextAreaElement>(null);
  const busy = isAnswering();
  const id = currentId.value;
  // At once, not after the next frame, by when the user may have moved the focus to the search.
  useLayoutEffect(() => {
    if (matchMedia('(pointer: fine)').matches) area.current!.focus();
  }, [id]);

  const message = () => withAttachments(area.current!.value.trim(), attachments.value);
  const attached = attachments.value;
  useEffect(() => countDraft(message()), [attached, model.value?.id]);

  const submit = () => {
    const text = message();
    if (text === '' || busy || !model.value || isLoading.value) return;
    area.current!.value = '';
    attachments.value = [];
    countDraft('');
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
          onInput={(event) => {
            fit(event.currentTarget);
            countDraft(message());
          }}
          onKeyDown={onKeyDown}
        />
        {busy ? (
          <button type="button" class="round" aria-label="Stop" title="Stop (Esc)" onClick={stopShown}>
            <Icon name="stop" />
          </button>
        ) : (
          <button type="submit" class="round" aria-label="Send" title="Send (Enter)" disabled={models.value.length === 0 || isLoading.value}>
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
