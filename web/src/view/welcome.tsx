import type { Model } from '../api/models';
import { examplesFor } from '../conversation/examples';
import { send } from '../state/answering';
import { isLoading } from '../state/library';
import { currentId } from '../state/route';
import { model, status } from '../state/server';

const counted = (n: number) => (n >= 1e9 ? `${(n / 1e9).toFixed(1)} billion` : `${(n / 1e6).toFixed(1)} million`);

function about({ state, parameters, context, format, aliases }: Model): string {
  const parts = [];
  if (state === 'unloaded') parts.push('not loaded: the first question loads it');
  if (state === 'loading') parts.push('loading');
  if (parameters) parts.push(`${counted(parameters)} parameters`);
  if (format) parts.push(format);
  if (context) parts.push(`${context.toLocaleString('en')} tokens of context`);
  if (aliases.length > 0) parts.push(`also named ${aliases.join(', ')}`);
  return parts.join(' · ');
}

// Shown in an empty conversation.
export function Welcome() {
  const chosen = model.value;
  if (isLoading.value || currentId.value !== null || status.value === 'connecting') return null;
  return (
    <div class="welcome">
      <h2>{chosen ? <>Talk with {chosen.id}</> : 'Ferrum'}</h2>
      {chosen && <p class="welcome-model">{about(chosen)}</p>}
      {chosen && (
        <ul class="examples" aria-label="Things to ask">
          {examplesFor(chosen.parameters).map((text) => (
            <li key={text}>
              <button type="button" onClick={() => void send(text)}>
                {text}
              </button>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
