import { refresh, refusal, status } from '../state/server';
import { Icon } from './icon';

// Why no message can be sent at the moment.
export function Banner() {
  const now = status.value;
  if (now === 'ready' || now === 'connecting') return null;
  const text = {
    loading: 'The server is loading its model…',
    unreachable: `The server does not answer; trying again… (${refusal.value})`,
    refused: `The server refuses: ${refusal.value}`,
  }[now];
  return (
    <div class={`banner ${now}`} role="status">
      {now !== 'loading' && <Icon name="warning" />}
      <span>{text}</span>
      {now === 'refused' && (
        <button type="button" class="button" onClick={() => void refresh()}>
          Try again
        </button>
      )}
    </div>
  );
}
