import { memo } from 'preact/compat';
import { useState } from 'preact/hooks';
import { structureOf } from '../conversation/json';
import type { Message } from '../conversation/types';
import type { Answer } from '../state/answer';
import { answers, edit, goOn, regenerate } from '../state/answering';
import { removeMessage } from '../state/library';
import { editing } from '../state/editing';
import { Branches } from './branches';
import { IconButton } from './button';
import { Calls } from './calls';
import { confirm } from './confirm';
import { copy } from './copy';
import { Editor } from './editor';
import { FiguresLine } from './figures';
import { Icon } from './icon';
import { JsonTree } from './json-tree';
import { Markdown } from './markdown';
import { Tokens } from './tokens';

const stopEditing = () => (editing.value = null);

async function removeAsked(message: Message): Promise<void> {
  const what = 'This message and all that follows it on this branch will be gone.';
  if (await confirm({ title: 'Delete the message?', what, action: 'Delete' })) await removeMessage(message);
}

function EditorOf({ message }: { message: Message }) {
  const own = message.role === 'user';
  return (
    <Editor
      text={message.content}
      label={own ? 'Your message' : 'The answer'}
      action={own ? 'Send' : 'Save as a branch'}
      onCancel={stopEditing}
      onDone={(text) => {
        stopEditing();
        void edit(message, text);
      }}
    />
  );
}

const Common = ({ message }: { message: Message }) => (
  <>
    <IconButton icon="copy" label="Copy" onClick={() => void copy(message.content)} />
    <IconButton icon="edit" label="Edit" onClick={() => (editing.value = message.id)} />
  </>
);

const UserMessage = ({ message }: { message: Message }) => (
  <article class="message user" aria-label="You">
    <h3 class="unseen">You said</h3>
    {editing.value === message.id ? <EditorOf message={message} /> : <div class="bubble">{message.content}</div>}
    <div class="actions">
      <Branches message={message} />
      <Common message={message} />
      <IconButton icon="trash" label="Delete" onClick={() => void removeAsked(message)} />
    </div>
  </article>
);

// Open until there is something else to read.
const Thoughts = ({ text, state }: { text: string; state: 'thinking' | 'over' }) => (
  <details class="thoughts" open={state === 'thinking'}>
    <summary>{state === 'thinking' ? 'Thinking…' : 'Thoughts'}</summary>
    <Markdown text={text} growing={state === 'thinking'} />
  </details>
);

// How the answer ended, if the reader should know.
function remark({ state, finish, error }: Message): string {
  if (state === 'failed') return error ?? 'The answer failed.';
  if (state === 'interrupted') return 'The page was closed before the answer was whole.';
  if (state === 'stopped') return 'Stopped.';
  return finish === 'length' ? 'The longest answer, or the end of the context, was reached.' : '';
}

function Ending({ message }: { message: Message }) {
  const text = remark(message);
  if (text === '') return null;
  const failed = message.state === 'failed';
  return (
    <div class={failed ? 'ending failed' : 'ending'}>
      <p>
        {failed && <Icon name="warning" />}
        <span>{failed && message.content !== '' ? `${text}; the partial answer is kept` : text}</span>
      </p>
      {failed && (
        <button type="button" class="button" onClick={() => void regenerate(message)}>
          Try again
        </button>
      )}
      {message.content !== '' && !message.calls && (
        <button type="button" class="button" onClick={() => void goOn(message)}>
          Continue
        </button>
      )}
    </div>
  );
}

// The text keeps its place when the answer ends, so that it is not rendered again.
function Body({ message, answer }: { message: Message; answer: Answer | undefined }) {
  const [asTokens, setAsTokens] = useState(false);
  const [asText, setAsText] = useState(false);
  const content = answer ? answer.content.value : message.content;
  const thoughts = answer ? answer.thoughts.value : message.thoughts;
  const calls = message.calls ?? answer?.calls.value;
  const structure = message.state === 'streaming' ? undefined : structureOf(content);
  const figures = answer ? answer.figures.value : message.figures;
  const coming = message.state === 'streaming';
  return (
    <>
      {thoughts && <Thoughts key="thoughts" text={thoughts} state={coming && content === '' ? 'thinking' : 'over'} />}
      {asTokens && message.tokens && !coming ? (
        <Tokens key="tokens" tokens={message.tokens} />
      ) : structure !== undefined && !asText ? (
        <JsonTree key="json" value={structure} />
      ) : (
        <Markdown key="text" text={content} growing={coming} />
      )}
      {calls && calls.length > 0 && <Calls key="calls" calls={calls} />}
      {answer && !content && !thoughts && !calls?.length && <p class="waiting">Waiting for the first token…</p>}
      {coming && !answer && <p class="figures">An answer is arriving in another tab…</p>}
      {!coming && <Ending message={message} />}
      {figures && figures.tokens > 0 && <FiguresLine figures={figures} />}
      {!coming && <Actions message={message} asTokens={asTokens} onTokens={() => setAsTokens(!asTokens)} asText={structure === undefined ? undefined : asText} onText={() => setAsText(!asText)} />}
    </>
  );
}

interface ActionsProps {
  message: Message;
  asTokens: boolean;
  onTokens: () => void;
  asText: boolean | undefined; // undefined: the answer is no JSON
  onText: () => void;
}

const Actions = ({ message, asTokens, onTokens, asText, onText }: ActionsProps) => (
  <div class="actions">
    <Branches message={message} />
    <Common message={message} />
    <IconButton icon="again" label="Regenerate" onClick={() => void regenerate(message)} />
    {message.content !== '' && !message.calls && <IconButton icon="play" label="Continue" onClick={() => void goOn(message)} />}
    {asText !== undefined && <IconButton icon="tree" label="JSON as text" pressed={asText} onClick={onText} />}
    {message.tokens && <IconButton icon="tokens" label="Token probabilities" pressed={asTokens} onClick={onTokens} />}
    <IconButton icon="trash" label="Delete" onClick={() => void removeAsked(message)} />
  </div>
);

function AssistantMessage({ message }: { message: Message }) {
  const answer = answers.value.get(message.id);
  return (
    <article class="message assistant" aria-label="Answer" aria-busy={answer !== undefined}>
      <h3 class="model-name">{message.model ?? 'Assistant'}</h3>
      {editing.value === message.id ? <EditorOf message={message} /> : <Body message={message} answer={answer} />}
    </article>
  );
}

export const MessageView = memo(({ message }: { message: Message }) =>
  message.role === 'user' ? <UserMessage message={message} /> : <AssistantMessage message={message} />,
);
