// The server's error responses.
export class ServerError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code?: string,
  ) {
    super(message);
  }
}

// No response: the server is down or went away.
export class Unreachable extends Error {}

// The message in an error's body, or a text for its status.
export function serverError(status: number, body: string): ServerError {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown; code?: unknown } };
    if (typeof error?.message === 'string')
      return new ServerError(error.message, status, typeof error.code === 'string' ? error.code : undefined);
  } catch {
    // Most likely a proxy's error page.
  }
  return new ServerError(`the server answered with the status ${status}`, status);
}
