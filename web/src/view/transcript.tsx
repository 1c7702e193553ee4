import { signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { path } from '../state/library';
import { currentId } from '../state/route';
import { Icon } from './icon';
import { MessageView } from './message';
import { Welcome } from './welcome';

const kNear = 60; // px from the end that count as the end

const atEnd = signal(true);

// Follows the end of the conversation unless the user has scrolled up.
export function Transcript() {
  const box = useRef<HTMLDivElement>(null);
  const inner = useRef<HTMLDivElement>(null);
  const top = useRef(0); // where it was scrolled to the last time
  const shown = path.value;
  const id = currentId.value;
  const count = shown.length;

  const toEnd = () => {
    box.current!.scrollTop = box.current!.scrollHeight;
  };
  useLayoutEffect(() => {
    atEnd.value = true;
    toEnd();
  }, [id, count]);
  useEffect(() => {
    const observer = new ResizeObserver(() => atEnd.value && toEnd());
    observer.observe(inner.current!);
    return () => observer.disconnect();
  }, []);
  // Growth moves the end away too: only scrolling up stops following.
  const onScroll = () => {
    const { scrollHeight, scrollTop, clientHeight } = box.current!;
    if (scrollHeight - scrollTop - clientHeight < kNear) atEnd.value = true;
    else if (scrollTop < top.current) atEnd.value = false;
    top.current = scrollTop;
  };
  return (
    <div class="transcript-frame">
      <div class="transcript" ref={box} onScroll={onScroll} tabIndex={0} role="region" aria-label="Conversation">
        <div class="transcript-inner" ref={inner}>
          {count === 0 ? <Welcome /> : shown.map((message) => <MessageView key={message.id} message={message} />)}
        </div>
      </div>
      {!atEnd.value && (
        <button
          type="button"
          class="to-end"
          onClick={() => {
            atEnd.value = true;
            toEnd();
          }}
        >
          <Icon name="down" /> To the end
        </button>
      )}
    </div>
  );
}
