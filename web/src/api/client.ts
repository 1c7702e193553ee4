// Calls to the server, with the API key if the server requires one.
import { serverError, Unreachable } from './errors';

export interface Keys {
  current(): string | null;
  // Asks the user for a key; false if none is given. `why` is the server's message.
  ask(why: string): Promise<boolean>;
}

let keys: Keys = { current: () => null, ask: async () => false };
export const useKeys = (theirs: Keys) => void (keys = theirs);

async function attempt(path: string, init: RequestInit): Promise<Response> {
  const key = keys.current();
  const headers = { ...(key === null ? {} : { Authorization: `Bearer ${key}` }), ...init.headers };
  try {
    return await fetch(path, { ...init, headers, cache: 'no-store', credentials: 'omit' });
  } catch (error) {
    if ((error as Error).name === 'AbortError') throw error;
    throw new Unreachable('the server cannot be reached');
  }
}

// Throws ServerError, Unreachable, or AbortError if `init.signal` was aborted.
export async function call(path: string, init: RequestInit = {}): Promise<Response> {
  for (;;) {
    const response = await attempt(path, init);
    if (response.ok) return response;
    const error = serverError(response.status, await response.text());
    if (response.status !== 401 || !(await keys.ask(error.message))) throw error;
  }
}

export const getJson = async <T>(path: string): Promise<T> => (await (await call(path)).json()) as T;
