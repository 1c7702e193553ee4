import type { ComponentChildren } from 'preact';
import { useRef } from 'preact/hooks';

interface Props {
  label: string; // of the file field
  accept?: string;
  onFiles: (files: File[]) => Promise<void>;
  children: (open: () => void) => ComponentChildren; // what opens the system's dialog
}

// A hidden file field. It is emptied after each choice, so that the same file can be chosen again.
export function FilePicker({ label, accept, onFiles, children }: Props) {
  const field = useRef<HTMLInputElement>(null);
  return (
    <>
      {children(() => field.current!.click())}
      <input
        ref={field}
        type="file"
        accept={accept}
        multiple
        hidden
        aria-label={label}
        onChange={(event) => {
          const input = event.currentTarget;
          void onFiles([...(input.files ?? [])]).then(() => (input.value = ''));
        }}
      />
    </>
  );
}
