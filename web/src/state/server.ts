// The models, and whether the server is reachable.
import { computed, signal } from '@preact/signals';
import { ServerError } from '../api/errors';
import { isNamed, models as fetchModels, type Model } from '../api/models';
import { preferredModel } from '../storage/preferences';
import { current, setModel } from './library';

export type Status = 'connecting' | 'ready' | 'loading' | 'unreachable' | 'refused';

const kPatience = 1500; // ms between two tries

export const models = signal<readonly Model[]>([]);
export const status = signal<Status>('connecting');
export const refusal = signal(''); // in the server's words

// The conversation's model, else the one chosen last, else the server's first.
export const model = computed<Model | null>(() => {
  const all = models.value;
  const named = (name: string | null | undefined) => (name ? all.find((one) => isNamed(one, name)) : undefined);
  return named(current.value?.model) ?? named(preferredModel.value) ?? all[0] ?? null;
});

export function chooseModel(id: string): void {
  preferredModel.value = id;
  void setModel(id);
}

let timer: ReturnType<typeof setTimeout> | undefined;

// Repeats until there is a model.
export async function refresh(): Promise<void> {
  clearTimeout(timer);
  try {
    const all = await fetchModels();
    models.value = all;
    status.value = all.length > 0 ? 'ready' : 'loading';
  } catch (error) {
    const answered = error instanceof ServerError && error.status !== 503;
    status.value = answered ? 'refused' : 'unreachable';
    refusal.value = (error as Error).message;
    if (answered) return; // waiting does not help
  }
  if (status.value !== 'ready') timer = setTimeout(() => void refresh(), kPatience);
}

addEventListener('focus', () => void refresh());
