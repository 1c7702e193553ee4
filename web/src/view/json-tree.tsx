import { useState } from 'preact/hooks';
import { Verbatim, type JsonValue } from '../conversation/json';

const kOpenDepth = 2; // levels that are open at first
const kShown = 100; // entries of one level; the others come on request

const isBranch = (value: JsonValue): value is JsonValue[] | { [name: string]: JsonValue } =>
  typeof value === 'object' && value !== null && !(value instanceof Verbatim);

const leafText = (value: JsonValue): string => (value instanceof Verbatim ? value.text : JSON.stringify(value));

const kindOf = (value: JsonValue): string =>
  typeof value === 'string' ? 'json-string' : value instanceof Verbatim || typeof value === 'number' ? 'json-number' : 'json-word';

const sizeText = (count: number, isList: boolean) =>
  `${count} ${isList ? (count === 1 ? 'item' : 'items') : count === 1 ? 'member' : 'members'}`;

function Branch({ name, value, depth }: { name?: string; value: JsonValue[] | { [name: string]: JsonValue }; depth: number }) {
  const [open, setOpen] = useState(depth < kOpenDepth);
  const [shown, setShown] = useState(kShown);
  const isList = Array.isArray(value);
  const entries = Object.entries(value);
  return (
    <details class="json-branch" open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {name !== undefined && <span class="json-name">{name}: </span>}
        <span class="json-size">{isList ? `[${sizeText(entries.length, true)}]` : `{${sizeText(entries.length, false)}}`}</span>
      </summary>
      {open && (
        <ul>
          {entries.slice(0, shown).map(([key, child]) => (
            <li key={key}>
              <Node name={key} value={child} depth={depth + 1} />
            </li>
          ))}
          {entries.length > shown && (
            <li>
              <button type="button" class="button" onClick={() => setShown(shown + 10 * kShown)}>
                {entries.length - shown} more
              </button>
            </li>
          )}
        </ul>
      )}
    </details>
  );
}

function Node({ name, value, depth }: { name?: string; value: JsonValue; depth: number }) {
  if (isBranch(value)) return <Branch name={name} value={value} depth={depth} />;
  return (
    <span class="json-leaf">
      {name !== undefined && <span class="json-name">{name}: </span>}
      <span class={kindOf(value)}>{leafText(value)}</span>
    </span>
  );
}

export const JsonTree = ({ value }: { value: JsonValue }) => (
  <div class="json-tree">
    <Node value={value} depth={0} />
  </div>
);
