import DOMPurify from 'dompurify';
import { escaped } from './escape';
import { htmlOf } from './render';

// A block as it is read aloud: its words alone.
export function spoken(raw: string): string {
  const fragment = DOMPurify.sanitize(htmlOf(raw, {}, escaped), { RETURN_DOM_FRAGMENT: true });
  fragment.querySelectorAll('figcaption').forEach((caption) => caption.remove());
  return (fragment.textContent ?? '').trim();
}
