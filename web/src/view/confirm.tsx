import { signal } from '@preact/signals';
import { Dialog } from './dialog';

interface Question {
  title: string;
  what: string;
  action: string;
}

const asked = signal<(Question & { answer: (yes: boolean) => void }) | null>(null);

export const confirm = (question: Question): Promise<boolean> =>
  new Promise((resolve) => {
    asked.value = {
      ...question,
      answer: (yes) => {
        asked.value = null;
        resolve(yes);
      },
    };
  });

export function ConfirmDialog() {
  const question = asked.value;
  if (!question) return null;
  return (
    <Dialog title={question.title} onClose={() => question.answer(false)}>
      <p>{question.what}</p>
      <div class="form-actions">
        <button type="button" class="button" onClick={() => question.answer(false)}>
          Cancel
        </button>
        <button type="button" class="button danger" onClick={() => question.answer(true)}>
          {question.action}
        </button>
      </div>
    </Dialog>
  );
}
