import { dismiss, notices, said } from '../state/notices';
import { IconButton } from './button';

export const Notices = () => (
  <>
    <div class="notices" role="status">
      {notices.value.map(({ id, text }) => (
        <div key={id} class="notice">
          <span>{text}</span>
          <IconButton icon="close" label="Dismiss" onClick={() => dismiss(id)} />
        </div>
      ))}
    </div>
    <div class="unseen" role="log" aria-live="polite" aria-label="What happens">
      {said.value.map(({ id, text }) => (
        <p key={id}>{text}</p>
      ))}
    </div>
  </>
);
