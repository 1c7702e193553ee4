// What the server said in place of an answer.
export class ServerError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly code?: string,
  ) {
    super(message);
  }
}

// It said nothing: it is not there, or went away.
export class Unreachable extends Error {}

// The message in an error's body, or what its status says.
export function serverError(status: number, body: string): ServerError {
  try {
    const { error } = JSON.parse(body) as { error?: { message?: unknown; code?: unknown } };
    if (typeof error?.message === 'string')
      return new ServerError(error.message, status, typeof error.code === 'string' ? error.code : undefined);
  } catch {
    // Some proxy's page, most likely.
  }
  return new ServerError(`the server answered with the status ${status}`, status);
}
